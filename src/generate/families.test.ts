import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isSend, type Trace } from "../trace/schema.ts";
import { FAMILIES, groupsOf, scanAllows, scanToken } from "../tracer/vocabulary.ts";
import { CENTRE, ELSEWHERE, FamilyPlan, NEIGHBOURS } from "./families.ts";
import { generateTrace } from "./generate.ts";
import { limitsOf } from "./limits.ts";
import { SCENARIOS, scenario } from "./scenarios.ts";

/** Whether a scan whose prompt holds these families shows every cell of another. */
function shows(own: readonly number[], foreign: number): boolean {
  const scan = scanToken(own);
  // The group's second value: its first may be 0, which no payload holds.
  return groupsOf(foreign).some((group, digit) => !scanAllows(scan, digit, group * 4 + 1));
}

test("the cube is the centre, its neighbours and the rest", () => {
  const all = [CENTRE, ...NEIGHBOURS, ...ELSEWHERE].map(String);
  expect(all).toHaveLength(FAMILIES);
  expect(new Set(all).size).toBe(FAMILIES);
});

test("wherever the figure stands: the centre and a neighbour hide no third family", () => {
  fc.assert(
    fc.property(fc.integer(), fc.constantFrom(...NEIGHBOURS), (seed, neighbour) => {
      const [centre, own, ...others] = new FamilyPlan(seed).seat([
        CENTRE,
        neighbour,
        ...NEIGHBOURS.filter((n) => n !== neighbour),
        ...ELSEWHERE,
      ]);
      expect(new Set([centre, own, ...others]).size).toBe(FAMILIES);
      expect(others.every((family) => shows([centre!, own!], family))).toBe(true);
    }),
  );
});

test("families are shared only when they run out", () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const plan = new FamilyPlan(seed);
      const handed = Array.from({ length: 40 }, () => plan.seat([CENTRE])[0]!);
      expect(new Set(handed).size).toBe(handed.length);
    }),
  );
});

/** Pairs of a prompt and a segment that is not in it, and how many of them a scan tells apart. */
function pairs(trace: Trace): { readonly told: number; readonly all: number } {
  let told = 0;
  let all = 0;
  for (const send of trace.steps.filter(isSend)) {
    const own = new Set(send.prompt.flatMap((p) => ("seg" in p ? [p.seg] : [])));
    const families = [...own].map((id) => trace.segments[id]!.family);
    for (const [id, { family }] of Object.entries(trace.segments)) {
      if (own.has(id)) continue;
      all++;
      if (shows(families, family)) told++;
    }
  }
  return { told, all };
}

describe("of all pairs of a prompt and a foreign segment, a scan tells apart", () => {
  const targets = {
    "blocks of 16": { blockSize: 16, poolCells: 1024, maxRunning: 4, contextTokens: 512, topology: "single" as const },
    "single cells": { blockSize: 1, poolCells: 4096, maxRunning: 4, contextTokens: 1024, topology: "single" as const },
    "twice the requests": {
      blockSize: 16,
      poolCells: 2048,
      maxRunning: 8,
      contextTokens: 512,
      topology: "pd" as const,
    },
  };

  test.each(Object.entries(targets))("more than 99 %% with %s", (name, target) => {
    const limits = limitsOf(target, { requests: name === "twice the requests" ? 72 : 36 });
    const counts = Array.from({ length: 200 }, (_, seed) => pairs(generateTrace(seed, limits)));
    const share = counts.reduce((sum, c) => sum + c.told, 0) / counts.reduce((sum, c) => sum + c.all, 0);
    const worst = Math.min(...counts.map((c) => c.told / c.all));
    expect(share).toBeGreaterThan(0.99);
    expect(worst).toBeGreaterThan(0.97);
  });

  test.each(SCENARIOS)("all in the scenario %s", (name) => {
    const { told, all } = pairs(scenario(name, limitsOf(targets["blocks of 16"])));
    expect(told).toBe(all);
  });
});
