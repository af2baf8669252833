import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isCancel, isSend, partLength, promptLength, type SendStep } from "../trace/schema.ts";
import { patterns } from "./generate.ts";
import { limitsOf, payloadRoom } from "./limits.ts";
import { PATTERNS, type PatternName, type Scene } from "./scene.ts";

const limits = limitsOf({ blockSize: 16, poolCells: 1024, maxRunning: 4, contextTokens: 512, topology: "single" });

/** A law over every scene of a pattern. */
function always(name: PatternName, law: (scene: Scene, sends: readonly SendStep[]) => void): void {
  fc.assert(fc.property(patterns[name](limits), (scene) => law(scene, scene.steps.filter(isSend))));
}

const payload = (scene: Scene, s: SendStep): number => promptLength(scene, s.prompt.slice(0, -1));
const segmentsOf = (s: SendStep): string[] => s.prompt.flatMap((p) => ("seg" in p ? [p.seg] : []));
const asked = (s: SendStep): string => JSON.stringify([s.prompt, s.maxTokens]);

describe.each(PATTERNS)("%s", (name) => {
  test("steps are in order of time, names are unique, prompts fit", () => {
    always(name, (scene, sends) => {
      expect(scene.pattern).toBe(name);
      const times = scene.steps.map((s) => s.at);
      expect(times).toEqual([...times].sort((a, b) => a - b));
      expect(new Set(sends.map((s) => s.send)).size).toBe(sends.length);
      for (const s of sends) expect(payload(scene, s)).toBeLessThanOrEqual(payloadRoom(limits));
    });
  });

  test("segments have families of their own", () => {
    always(name, (scene) => {
      const spots = Object.values(scene.segments).map((s) => String(s.spot));
      expect(new Set(spots).size).toBe(spots.length);
    });
  });
});

test("dirty pool: prompts of different families, together nearly as many cells as the pool", () => {
  always("dirty-pool", (scene, sends) => {
    const cells = sends.reduce((sum, s) => sum + payload(scene, s), 0);
    expect(cells).toBeGreaterThan(0.85 * limits.poolCells);
    expect(sends.every((s) => segmentsOf(s).length === 1)).toBe(true);
  });
});

test("prefix tree: every prompt begins with the trunk, cut beside an edge", () => {
  always("prefix-tree", (scene, sends) => {
    for (const s of sends) {
      expect(segmentsOf(s)[0]).toBe("T");
      expect([15, 0, 1]).toContain(partLength(scene, s.prompt[0]!) % 16);
    }
  });
});

test("cancel and retry: the last request asks for the prefix of those that were cancelled, victims come between", () => {
  always("cancel-and-retry", (scene, sends) => {
    const gone = scene.steps.filter(isCancel).map((c) => c.cancel);
    expect(gone.length).toBeGreaterThan(0);
    expect(gone.every((id) => segmentsOf(sends.find((s) => s.send === id)!)[0] === "P")).toBe(true);
    expect(sends.at(-1)).toMatchObject({ send: "retry", prompt: [{ seg: "P" }, {}, {}] });
    expect(sends[1]!.send).toBe("v0");
  });
});

test("pressure: more cells than the pool lie between a prefix and its return", () => {
  always("pressure", (scene, sends) => {
    const between = sends.filter((s) => segmentsOf(s)[0] !== "P");
    expect(between.reduce((sum, s) => sum + payload(scene, s), 0)).toBeGreaterThan(limits.poolCells);
    expect(sends.filter((s) => s.send.startsWith("re")).length).toBeGreaterThanOrEqual(2);
  });
});

test("crossover: all four pairs of two heads and two tails", () => {
  always("crossover", (_scene, sends) => {
    expect(new Set(sends.map((s) => segmentsOf(s).join("")))).toEqual(new Set(["AC", "BD", "BC", "AD"]));
  });
});

test("twins: one prompt only, twice at least without a cancel", () => {
  always("twins", (scene, sends) => {
    expect(new Set(sends.map(asked)).size).toBe(1);
    expect(sends.length - scene.steps.filter(isCancel).length).toBeGreaterThanOrEqual(2);
  });
});

test("rows out of order: more requests than run at once, whose scans all end apart", () => {
  always("rows-out-of-order", (_scene, sends) => {
    expect(sends.length).toBeGreaterThanOrEqual(limits.maxRunning);
    const scans = sends.filter((s) => "read" in s.prompt.at(-1)! && !("back" in s.prompt.at(-1)!));
    expect(new Set(scans.map((s) => s.maxTokens)).size).toBe(scans.length);
  });
});

test("slot alternation: more clients than slots, then the first prompt's beginning with another end", () => {
  always("slot-alternation", (_scene, sends) => {
    const clients = sends.filter((s) => s.send.startsWith("c"));
    expect(clients.length).toBeGreaterThan(limits.maxRunning);
    expect(segmentsOf(sends.at(-1)!)).toEqual(["L", expect.stringMatching(/^N/)]);
  });
});

test("equal lengths: other content in the same number of cells, answers included, then one of them again", () => {
  always("equal-lengths", (scene, sends) => {
    const first = sends.filter((s) => s.send.startsWith("e"));
    expect(new Set(first.map((s) => payload(scene, s) + s.maxTokens)).size).toBe(1);
    expect(new Set(first.map((s) => segmentsOf(s)[0])).size).toBe(first.length);
    expect(first.map((s) => segmentsOf(s)[0])).toContain(segmentsOf(sends.at(-1)!)[0]);
  });
});

test("conversation: each turn goes on with the one before and its answer; a search asks for a distinct cell", () => {
  always("conversation", (scene, sends) => {
    const turns = sends.filter((s) => s.send.startsWith("turn") && !s.send.endsWith("x"));
    expect(turns.length).toBeGreaterThanOrEqual(2);
    for (const [i, turn] of turns.slice(1).entries()) {
      const before = turns[i]!;
      expect(turn.prompt.slice(0, before.prompt.length + 1)).toEqual([...before.prompt, { answer: before.maxTokens }]);
      const waits = scene.steps.findIndex((s) => "wait" in s && s.wait === before.send);
      expect(scene.steps.indexOf(turn)).toBeGreaterThan(waits);
    }
    expect(sends.find((s) => s.send === "search")!.prompt).toMatchObject([{ seg: "D" }, { read: "find" }]);
  });
});
