import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cleanRunsNeeded, rate, upperBoundOfZero } from "./statistics.ts";

describe("rate", () => {
  test("known values of Wilson's interval", () => {
    // Computed by hand from the formula; 10 of 10 and 0 of 10 mirror each other.
    expect(rate(0, 10)).toEqual({ failed: 0, runs: 10, low: 0, high: expect.closeTo(0.27753, 4) });
    expect(rate(10, 10)).toEqual({ failed: 10, runs: 10, low: expect.closeTo(0.72247, 4), high: 1 });
    expect(rate(7, 10).low).toBeCloseTo(0.39677, 4);
    expect(rate(7, 10).high).toBeCloseTo(0.89221, 4);
  });

  test("no runs say nothing", () => {
    expect(rate(0, 0)).toEqual({ failed: 0, runs: 0, low: 0, high: 1 });
  });

  test("the interval holds the observed share, lies in [0, 1], and mirrors", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2000 }).chain((n) => fc.tuple(fc.nat(n), fc.constant(n))),
        ([k, n]) => {
          const r = rate(k, n);
          const mirrored = rate(n - k, n);
          expect(r.low).toBeGreaterThanOrEqual(0);
          expect(r.high).toBeLessThanOrEqual(1);
          expect(r.low).toBeLessThanOrEqual(k / n);
          expect(r.high).toBeGreaterThanOrEqual(k / n);
          expect(r.low).toBeCloseTo(1 - mirrored.high, 12);
        },
      ),
    );
  });

  test("counts that are no counts are refused", () => {
    expect(() => rate(2, 1)).toThrow(/2 failures in 1 runs/);
    expect(() => rate(0.5, 1)).toThrow();
    expect(() => rate(-1, 1)).toThrow();
  });
});

test("upper bound of zero failures: exact, and three in n for large n", () => {
  expect(upperBoundOfZero(0)).toBe(1);
  expect(upperBoundOfZero(1)).toBeCloseTo(0.95, 12);
  expect(upperBoundOfZero(59)).toBeLessThan(0.05);
  expect(upperBoundOfZero(58)).toBeGreaterThan(0.05);
  expect(upperBoundOfZero(1_000_000) * 1_000_000).toBeCloseTo(2.9957, 3);
});

describe("clean runs needed", () => {
  test.each([
    [0.1, 29],
    [0.3, 9],
    [0.5, 5],
    [0.7, 3],
    [0.9, 2],
    [1, 1],
    [0, Number.POSITIVE_INFINITY],
  ])("a failure seen in %f of the runs needs %d", (failureRate, runs) => {
    expect(cleanRunsNeeded(failureRate)).toBe(runs);
  });

  test("that many clean runs reach the confidence, one fewer does not", () => {
    const share = fc.double({ min: 0.01, max: 0.99, noNaN: true });
    fc.assert(
      fc.property(share, fc.double({ min: 0.5, max: 0.99, noNaN: true }), (p, confidence) => {
        const n = cleanRunsNeeded(p, confidence);
        expect((1 - p) ** n).toBeLessThanOrEqual(1 - confidence + 1e-9);
        expect((1 - p) ** (n - 1)).toBeGreaterThan(1 - confidence - 1e-9);
      }),
    );
  });

  test("a percentage is not a share", () => {
    expect(() => cleanRunsNeeded(30)).toThrow(/share/);
  });
});
