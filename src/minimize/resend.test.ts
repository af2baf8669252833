import { describe, expect, test } from "vitest";
import { isSend, promptLength, type Trace, traceSchema } from "../trace/schema.ts";
import { resend } from "./resend.ts";
import { runPass, scanOf } from "./testing/run-pass.ts";

const CONTEXT = 512;

const CROWDED: Trace = traceSchema.parse({
  crosstalk: "crosstalk-trace/1",
  name: "a crowd",
  needs: { contextTokens: 320 },
  segments: { P: { seed: 1, family: 5, length: 300 }, A: { seed: 2, family: 9, length: 90 } },
  steps: [
    ...Array.from({ length: 12 }, (_, i) => scanOf(`r${i}`, i, "A", 40)),
    { ...scanOf("victim", 12, "P", 8), salt: "s1" },
    scanOf("later", 13, "A", 4),
  ],
});

const run = (trace: Trace, wronged: string | undefined, holds: (trace: Trace) => boolean) =>
  runPass(resend(trace, wronged, CONTEXT), holds);

const cancelAt = ({ steps }: Trace): number | undefined => steps.flatMap((s) => ("cancel" in s ? s.afterMs! : []))[0];

describe("sending a prompt again", () => {
  test("the victim comes last, behind its own prompt, given up beside a neighbour on a full pool", () => {
    const { end } = run(CROWDED, "victim", (trace) => cancelAt(trace) === 10);
    const sends = end.steps.filter(isSend);
    expect(sends.map((s) => s.send)).toEqual(["fill1", "fill2", "neighbour", "givenUp", "victim"]);
    expect(sends.at(-1)).toEqual(CROWDED.steps[12]);
    expect({ ...sends.at(-2), send: "victim" }).toEqual(CROWDED.steps[12]);
    expect(end.steps.slice(-3, -1)).toEqual([
      { at: 12, cancel: "givenUp", afterMs: 10 },
      { at: 12, wait: "givenUp" },
    ]);
  });

  test("moments are tried one after the other, and where none will do nothing changes", () => {
    const { end, offered } = run(CROWDED, "victim", () => false);
    expect(end).toEqual(CROWDED);
    expect(offered.map(cancelAt)).toEqual([40, 80, 20, 10, 5, 2]);
    for (const trace of offered)
      for (const s of trace.steps.filter(isSend))
        expect(promptLength(trace, s.prompt) + s.maxTokens).toBeLessThanOrEqual(CONTEXT);
  });

  test("a short prompt is made longer, in both alike: its prefill then takes several chunks", () => {
    const { segments, steps } = CROWDED;
    const short = { ...CROWDED, segments: { ...segments, P: { ...segments.P!, length: 50 } }, steps };
    const [first] = run(short, "victim", () => false).offered;
    const [givenUp, victim] = first!.steps.filter(isSend).slice(-2);
    expect(givenUp!.prompt).toEqual(victim!.prompt);
    expect(promptLength(first!, victim!.prompt) + victim!.maxTokens).toBe(Math.floor(0.6 * CONTEXT));
  });

  test("nothing is offered without a victim, nor for a trace that is as small", () => {
    expect(run(CROWDED, undefined, () => true).offered).toEqual([]);
    expect(run({ ...CROWDED, steps: CROWDED.steps.slice(9) }, "victim", () => true).offered).toEqual([]);
  });
});
