import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { type Random, seededRandom } from "../random.ts";
import { resolveRequests } from "../trace/prompt.ts";
import { formatTrace } from "../trace/read.ts";
import {
  isCancel,
  isSend,
  type Part,
  promptLength,
  type SendStep,
  type Step,
  type Trace,
  traceSchema,
} from "../trace/schema.ts";
import { createMinimizer, type Minimised, type MinimizerOptions } from "./minimizer.ts";
import { canonicalFamilies, canonicalNames, canonicalSeeds } from "./names.ts";
import { compareKeys, measure, sortKey } from "./order.ts";
import { tidy } from "./tidy.ts";

const BLOCK = 16;

/** A busy trace: forty requests over eight segments, half of them cancelled, with waits and flushes between. */
function busyTrace(random: Random, requests = 40): Trace {
  const segments = Object.fromEntries(
    Array.from({ length: 8 }, (_, i) => [
      `S${i}`,
      { seed: random.int(0, 1e9), family: random.int(0, 63), length: random.int(40, 400) },
    ]),
  );
  const piece = (): Part => {
    const seg = `S${random.int(0, 7)}`;
    return random.int(0, 1) === 0 ? { seg } : { seg, to: random.int(1, segments[seg]!.length) };
  };
  const steps: Step[] = [];
  for (let i = 0; i < requests; i++) {
    const at = Math.round(i * 7.3 * 1000) / 1000;
    const prompt = [piece(), piece()];
    const payload = promptLength({ segments }, prompt);
    const back = random.int(1, Math.min(payload, 64));
    const narrow = random.int(0, 1) === 0;
    steps.push({
      at,
      send: `request-${i}`,
      prompt: [...prompt, narrow ? { read: "narrow", back } : { read: "scan" }],
      maxTokens: narrow ? back : random.int(1, 64),
      ...(random.int(0, 4) === 0 ? { cache: false } : {}),
    });
    if (random.int(0, 1) === 0) steps.push({ at: at + 1.7, cancel: `request-${i}`, afterTokens: random.int(1, 9) });
    if (random.int(0, 5) === 0) steps.push({ at: at + 2, wait: `request-${random.int(0, i)}` });
    if (random.int(0, 9) === 0) steps.push({ at: at + 2, flush: true });
  }
  return traceSchema.parse({ crosstalk: "crosstalk-trace/1", name: "busy", segments, steps });
}

/**
 * The planted bug: a request of at least three blocks is cancelled, and a later one of at least two blocks answers four
 * tokens or more. So two requests and one cancel are the smallest trace.
 */
function planted(trace: Trace): boolean {
  const sends = trace.steps.filter(isSend);
  const isCancelled = (s: SendStep) => trace.steps.some((c) => isCancel(c) && c.cancel === s.send);
  return sends.some(
    (first, i) =>
      isCancelled(first) &&
      promptLength(trace, first.prompt) - 1 >= 3 * BLOCK &&
      sends.slice(i + 1).some((s) => s.maxTokens >= 4 && promptLength(trace, s.prompt) - 1 >= 2 * BLOCK),
  );
}

function minimise(
  trace: Trace,
  fails: (trace: Trace) => boolean,
  options: MinimizerOptions,
  watch: (trace: Trace) => void = () => {},
): Minimised {
  const minimizer = createMinimizer(trace, { blockSize: BLOCK, ...options });
  for (let c = minimizer.next(); c; c = minimizer.next()) {
    watch(c.trace);
    const outcomes: boolean[] = [];
    while (outcomes.length < c.runs && !outcomes.includes(true)) outcomes.push(fails(c.trace));
    minimizer.observe(c, outcomes);
  }
  return minimizer.result();
}

/** Requests of a busy trace that show the planted bug. */
function plantedPair(trace: Trace): { readonly cancelled: SendStep; readonly reader: SendStep } {
  const cancelled = trace.steps
    .filter(isSend)
    .find((s) => trace.steps.some((c) => isCancel(c) && c.cancel === s.send && promptLength(trace, s.prompt) > 60))!;
  const reader = trace.steps.filter(isSend).findLast((s) => s.maxTokens >= 4 && promptLength(trace, s.prompt) > 40)!;
  return { cancelled, reader };
}

const seeds = fc.nat(1e6);

describe("a minimised trace", () => {
  it("keeps nothing but the planted core when the failure is deterministic", () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const trace = busyTrace(seededRandom(seed));
        fc.pre(planted(trace));
        const found = minimise(trace, planted, { repeats: 1 });
        expect(found.ending).toBe("minimal");
        expect(found.to).toEqual({ requests: 2, cancels: 1, steps: 4, promptTokens: 3 * BLOCK + 1 + 2 * BLOCK + 1 });
        expect(found.trace.steps.map((s) => s.at)).toEqual([0, 0, 0, 0]);
        expect(Object.keys(found.trace.segments)).toEqual(["A"]);
      }),
      { numRuns: 25 },
    );
  });

  it("still has a small core within 300 runs when it fails every other time, but for rare bad luck", () => {
    const cores = Array.from({ length: 40 }, (_, seed) => {
      const trace = busyTrace(seededRandom(seed));
      if (!planted(trace)) return null;
      const coin = seededRandom(seed + 1);
      const found = minimise(trace, (t) => planted(t) && coin.next() < 0.5, { budget: 300 });
      expect(found.runs).toBeLessThanOrEqual(300);
      expect(planted(found.trace)).toBe(true);
      return found;
    }).filter((found) => found !== null);
    const small = cores.filter(
      ({ from, to }) => to.requests <= 3 && to.cancels <= 2 && to.promptTokens < from.promptTokens / 10,
    );
    expect(cores.length).toBeGreaterThan(20);
    expect(small.length).toBeGreaterThanOrEqual(cores.length - 1);
  });

  it("is valid, and so is every candidate; none is larger than the original; the search ends", () => {
    fc.assert(
      fc.property(
        seeds,
        fc.integer({ min: 1, max: 12 }),
        fc.double({ min: 0.05, max: 1, noNaN: true }),
        (seed, n, rate) => {
          const random = seededRandom(seed);
          const trace = busyTrace(random, n);
          const start = sortKey(trace).numbers;
          const found = minimise(
            trace,
            () => random.next() < rate,
            { repeats: 3, budget: 200 },
            (candidate) => {
              expect(traceSchema.safeParse(candidate).error?.issues ?? []).toEqual([]);
              expect(
                compareKeys({ numbers: sortKey(candidate).numbers, text: "" }, { numbers: start, text: "" }),
              ).toBeLessThanOrEqual(0);
            },
          );
          expect(found.runs).toBeLessThanOrEqual(200);
          expect(found.to).toEqual(measure(found.trace));
        },
      ),
      { numRuns: 40 },
    );
  });

  it("is the same each time for the same outcomes", () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const once = () => {
          const coin = seededRandom(seed);
          return minimise(busyTrace(seededRandom(seed), 12), (t) => planted(t) && coin.next() < 0.7, {});
        };
        expect(formatTrace(once().trace)).toBe(formatTrace(once().trace));
      }),
      { numRuns: 10 },
    );
  });

  it("says so and stays whole when the original does not fail again", () => {
    const trace = busyTrace(seededRandom(1), 5);
    const found = minimise(trace, () => false, {});
    expect(found).toMatchObject({ ending: "unreproduced", trace, runs: 15 });
  });

  it("is found from the requests that the anomaly names where the original stays silent", () => {
    const trace = busyTrace(seededRandom(5));
    const { reader, cancelled } = plantedPair(trace);
    // Many requests beside it change its timing: the more there are the less often it fails.
    const coin = seededRandom(1);
    const seldom = (t: Trace) => planted(t) && coin.next() < 0.7 ** measure(t).requests;
    const suspects = [reader.send, cancelled.send];
    expect(minimise(trace, seldom, { suspects }).to).toMatchObject({ requests: 2, cancels: 1 });
    expect(minimise(trace, seldom, { suspects: ["request-0"] }).ending).toBe("unreproduced");
  });

  it("is reached sooner from the requests that the anomaly names", () => {
    const trace = busyTrace(seededRandom(5));
    const { reader, cancelled } = plantedPair(trace);
    const runsToTwo = (suspects: readonly string[]): number => {
      const minimizer = createMinimizer(trace, { repeats: 1, suspects });
      while (minimizer.size.requests > 2) minimizer.observe(minimizer.next()!, [planted(minimizer.next()!.trace)]);
      return minimizer.runs;
    };
    expect(runsToTwo([cancelled.send, reader.send])).toBe(4);
    expect(runsToTwo([])).toBeGreaterThan(4);
  });

  it("tries the requests that the anomaly names beside one that kept the engine busy", () => {
    const trace = busyTrace(seededRandom(5), 20);
    const sends = trace.steps.filter(isSend).map((s) => s.send);
    const [owner, busy, victim] = [sends[6]!, sends[10]!, sends[14]!];
    const all = (t: Trace) => [owner, busy, victim].every((id) => t.steps.some((s) => isSend(s) && s.send === id));
    const minimizer = createMinimizer(trace, { repeats: 1, suspects: [victim, owner] });
    while (minimizer.size.requests > 3) minimizer.observe(minimizer.next()!, [all(minimizer.next()!.trace)]);
    // The original, the two serial forms, both suspects alone, and neighbours from the victim backwards.
    expect(minimizer.runs).toBeLessThanOrEqual(2 + 2 + 4);
  });

  it("claims of its elements what was tried, and no more", () => {
    const found = minimise(busyTrace(seededRandom(3)), planted, { repeats: 1 });
    expect(found.claim).toBe("removing any one of its 3 removable elements did not fail within 1 run");
  });

  it("says how often a flaky trace may still fail without one of them", () => {
    const flaky = minimise(busyTrace(seededRandom(3)), planted, { repeats: 3 });
    const [, runs, share] = /did not fail within (\d+) runs?, .* at most (\d+) % of runs fail/.exec(flaky.claim)!;
    expect(0.05 ** (1 / Number(runs))).toBeCloseTo(1 - Number(share) / 100, 1);
  });
});

test("a leap that stays silent is given up sooner than a step by single requests", () => {
  const coin = seededRandom(3);
  const search = createMinimizer(busyTrace(seededRandom(5)), { repeats: 6, suspects: ["request-0", "request-1"] });
  const silent = new Map<string, number>();
  for (let c = search.next(); c !== null; c = search.next()) {
    const outcomes = Array.from({ length: c.runs }, () => planted(c.trace) && coin.next() < 0.5);
    if (!outcomes.includes(true)) silent.set(c.pass, Math.max(c.runs, silent.get(c.pass) ?? 0));
    search.observe(c, outcomes);
  }
  expect(silent.get("keep suspects")).toBeGreaterThan(1);
  expect(silent.get("keep suspects")).toBeLessThan(silent.get("drop requests")!);
});

test("requests without which the failure hardly shows are kept", () => {
  // Three requests beside its two take what it waits for.
  const crowded = (t: Trace) => measure(t).requests >= 5;
  const found = Array.from({ length: 30 }, (_, seed) => {
    const coin = seededRandom(seed);
    const fails = (t: Trace) => planted(t) && coin.next() < (crowded(t) ? 0.95 : 0.1);
    return minimise(busyTrace(seededRandom(seed)), fails, { repeats: 6, budget: 450 });
  });
  expect(found.filter(({ trace }) => crowded(trace)).length).toBeGreaterThan(20);
  expect(found.filter(({ to }) => to.requests > 8)).toEqual([]);
});

test("a search that is hurried ends soon, with what it has", () => {
  const trace = busyTrace(seededRandom(4));
  const search = createMinimizer(trace);
  for (let i = 0; i < 12; i++) search.observe(search.next()!, [true]);
  search.hurry();
  const before = search.runs;
  for (let c = search.next(); c !== null; c = search.next()) search.observe(c, Array(c.runs).fill(true));
  expect(search.result()).toMatchObject({
    ending: "budget",
    claim: expect.stringMatching(/^the time ended after \d+ runs/),
  });
  expect(search.runs - before).toBeLessThan(30);
  expect(search.size.requests).toBeLessThan(40);
});

describe("tidying and renaming", () => {
  const askedOf = (trace: Trace) =>
    [...resolveRequests(trace).values()].map(({ prompt, maxTokens, back }) => ({ prompt, maxTokens, back }));

  it("change no token of any request, and do nothing the second time", () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const trace = busyTrace(seededRandom(seed), 10);
        const tidied = tidy(trace)!;
        const named = canonicalNames(tidied);
        expect(askedOf(tidied)).toEqual(askedOf(trace));
        expect(askedOf(named)).toEqual(askedOf(trace));
        expect(tidy(tidied)).toEqual(tidied);
        expect(canonicalNames(named)).toEqual(named);
        expect(traceSchema.safeParse(canonicalFamilies(canonicalSeeds(named))).success).toBe(true);
      }),
      { numRuns: 30 },
    );
  });
});

describe("observe", () => {
  it("refuses a candidate that was not the last one given, and no outcomes", () => {
    const minimizer = createMinimizer(busyTrace(seededRandom(1), 3));
    const first = minimizer.next()!;
    expect(() => minimizer.observe({ ...first }, [true])).toThrow(/next\(\) gave last/);
    expect(() => minimizer.observe(first, [])).toThrow(/at least one run/);
  });

  it("asks for the rest of the runs when fewer were made", () => {
    const minimizer = createMinimizer(busyTrace(seededRandom(1), 3), { repeats: 2 });
    minimizer.observe(minimizer.next()!, [false]);
    expect(minimizer.next()).toMatchObject({ purpose: "calibrate", runs: 5 });
  });
});
