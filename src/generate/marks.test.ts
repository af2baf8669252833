import { describe, expect, test } from "vitest";
import { type ResolvedRequest, resolveRequests } from "../trace/prompt.ts";
import type { Trace } from "../trace/schema.ts";
import { traceSchema } from "../trace/schema.ts";
import { tokenKind } from "../tracer/vocabulary.ts";
import { generateTrace } from "./generate.ts";
import { limitsOf } from "./limits.ts";
import { marked } from "./marks.ts";

const limits = limitsOf({ blockSize: 16, poolCells: 1024, maxRunning: 4, contextTokens: 512, topology: "single" });
const isMarked = (trace: Trace) => JSON.stringify(trace).includes('"nonce"');
const traces = Array.from({ length: 60 }, (_, seed) => generateTrace(seed, limits));
const bare = traces.filter((trace) => !isMarked(trace));
const isMark = (token: number) => ["nonce", "branch"].includes(tokenKind(token).kind);

function commonLength(a: Int32Array, b: Int32Array): number {
  const differs = a.findIndex((token, i) => token !== b[i]);
  return differs < 0 ? a.length : differs;
}

test("a third of the generated traces or so has marks", () => {
  expect(bare.length / traces.length).toBeGreaterThan(0.5);
  expect(bare.length / traces.length).toBeLessThan(0.85);
});

describe("with marks", () => {
  const pairs = bare.map((trace) => {
    const after = marked(trace, 250);
    return { after, before: [...resolveRequests(trace).values()], requests: [...resolveRequests(after).values()] };
  });

  test("a trace is valid, and each cell lies where it did, but for those that marks took the place of", () => {
    for (const { after, before, requests } of pairs) {
      expect(traceSchema.safeParse(after).error).toBeUndefined();
      for (const [i, { spans, prompt, asked }] of requests.entries()) {
        expect([prompt.length, asked]).toEqual([before[i]!.prompt.length, before[i]!.asked]);
        const cells = (r: ResolvedRequest) =>
          r.spans.flatMap((s) => Array.from({ length: s.length }, (_, k) => s.start + k));
        const changed = cells(before[i]!).filter((p) => prompt[p] !== before[i]!.prompt[p]);
        expect(changed.every((p) => isMark(prompt[p]!))).toBe(true);
        expect(spans.length).toBe(before[i]!.spans.length);
      }
    }
  });

  test("prompts share as many cells as they did, or one more where a branch now parts them", () => {
    for (const { before, requests } of pairs) {
      for (let i = 1; i < requests.length; i++) {
        const shared = commonLength(requests[i]!.prompt, requests[i - 1]!.prompt);
        const was = commonLength(before[i]!.prompt, before[i - 1]!.prompt);
        if (was > 1) expect(shared).toBe(was);
        else expect(shared).toBeLessThanOrEqual(1);
      }
    }
  });

  test("trunks have nonces of their own", () => {
    for (const { requests } of pairs) {
      const trunks = new Map(requests.map((r) => [r.nonce, r.spans[0]!.seg]));
      const marked = requests.filter((r) => r.nonce !== null);
      expect(marked.length).toBeGreaterThan(0);
      for (const { nonce, spans } of marked) expect(trunks.get(nonce)).toBe(spans[0]!.seg);
    }
  });
});
