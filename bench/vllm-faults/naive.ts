/**
 * The tester that Crosstalk is measured against: a model with random weights, the same traces, and a comparison of texts.
 *
 * It has no oracle, so it sends each trace's prompts one at a time first, without cancels and past the cache, and takes
 * those answers for right. Then it sends the trace itself.
 */

import { z } from "zod";
import { engineClient } from "../../harness/engine-client.ts";
import { ContainerServer, FAULT_VARIABLE, runTrace, vllm } from "../../harness/index.ts";
import { calm, forArm } from "../../src/check/arms.ts";
import { tracesOf } from "../../src/cli/session.ts";
import { outcomes } from "../../src/history/outcome.ts";
import type { RequestOption } from "../../src/trace/options.ts";
import type { Trace } from "../../src/trace/schema.ts";
import { addTrace, compare, NOTHING_COMPARED, tallySchema } from "./compare.ts";

export const naiveSchema = tallySchema.extend({
  /** How many prompts were sent for reference, told apart by their hash, and how many answers they got. */
  different: z.strictObject({ prompts: z.int().nonnegative(), answers: z.int().nonnegative() }),
});

export type NaiveResult = z.infer<typeof naiveSchema>;

export interface NaiveOptions {
  /** Null: the clean image. */
  readonly fault: string | null;
  /** Folder of the model. */
  readonly model: string;
  readonly seed: number;
  /** Milliseconds after which no new trace is started, references included. */
  readonly budget: number;
  /** The longest prompt and answer to ask for, tokens. */
  readonly context: number;
  readonly without: readonly RequestOption[];
}

/** @throws CrosstalkError of the server's start; Error when the server ends */
export async function runNaive({ fault, model, seed, budget, context, without }: NaiveOptions): Promise<NaiveResult> {
  const server = new ContainerServer({ profile: vllm, model, env: fault === null ? {} : { [FAULT_VARIABLE]: fault } });
  const lost = new AbortController();
  server.onExit(() => lost.abort());
  try {
    const client = engineClient(await server.start());
    const facts = await vllm.describe(client, server.args);
    const options = facts.options.filter((option) => !without.includes(option));
    const description = { ...facts, options, topology: "single", canFlush: facts.flush.can } as const;
    const flush = () => vllm.flush(client, facts);
    const answersTo = async (trace: Trace) => {
      // As before every trace of a campaign.
      await flush();
      const run = { baseUrl: client.baseUrl, profile: vllm, flush, faults: server.faults, lost: lost.signal };
      const result = await runTrace(trace, run);
      if (result.end === "lost") throw new Error(`the server ended while trace ${trace.name} ran`);
      return result.events;
    };

    let tally = NOTHING_COMPARED;
    const prompts = new Set<string>();
    const answers = new Set<string>();
    const started = performance.now();
    for (const trace of tracesOf({ seed, context, traces: Number.POSITIVE_INFINITY }, description)) {
      if (performance.now() - started >= budget) break;
      const events = await answersTo(forArm(calm(trace), "no-cache"));
      const references = outcomes({ events });
      const loaded = outcomes({ events: await answersTo(trace) });
      const comparisons = Array.from(loaded, ([id, answer]) => compare(answer, references.get(id)));
      tally = addTrace(tally, comparisons, (performance.now() - started) / 1000);
      for (const event of events) if (event.e === "sent") prompts.add(event.sha256);
      for (const { tokens } of references.values()) answers.add(tokens.join(","));
    }
    return { ...tally, different: { prompts: prompts.size, answers: answers.size } };
  } finally {
    await server.stop();
  }
}
