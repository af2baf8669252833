import fc from "fast-check";
import { expect, test } from "vitest";
import { search, type VersionState } from "./search.ts";

/** Answers questions until none is left; gives the end and how many there were. */
function run(count: number, firstBad: number, untestable: ReadonlySet<number>) {
  const states: (VersionState | null)[] = Array.from({ length: count }, () => null);
  [states[0], states[count - 1]] = ["good", "bad"];
  let asked = 0;
  let at = search(states);
  for (; at.next !== null; at = search(states)) {
    expect(states[at.next]).toBeNull();
    states[at.next] = untestable.has(at.next) ? "untestable" : at.next >= firstBad ? "bad" : "good";
    asked++;
  }
  return { at, asked };
}

test("finds the first bad version in as many questions as a bisection has", () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 300 }), fc.nat(), (count, n) => {
      const firstBad = 1 + (n % (count - 1));
      const { at, asked } = run(count, firstBad, new Set());
      expect(at).toEqual({ next: null, firstBad, lastGood: firstBad - 1 });
      expect(asked).toBeLessThanOrEqual(Math.ceil(Math.log2(count)));
    }),
  );
});

test("goes around versions that cannot be tested, and leaves only such between its two ends", () => {
  fc.assert(
    fc.property(fc.integer({ min: 3, max: 60 }), fc.nat(), fc.array(fc.nat()), (count, n, skipped) => {
      const firstBad = 1 + (n % (count - 1));
      const untestable = new Set(skipped.map((i) => 1 + (i % (count - 2))));
      const { at } = run(count, firstBad, untestable);
      expect(at.lastGood).toBeLessThan(firstBad);
      expect(at.firstBad).toBeGreaterThanOrEqual(firstBad);
      for (let i = at.lastGood + 1; i < at.firstBad; i++) expect(untestable.has(i)).toBe(true);
    }),
  );
});
