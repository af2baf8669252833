/**
 * The tester that Crosstalk is measured against: a model with random weights, the same traces, and a comparison of texts.
 *
 * It has no oracle, so it sends each trace's prompts one at a time first, without cancels and past the cache, and takes
 * those answers for right. Then it sends the trace itself.
 */

import { z } from "zod";
import { engineClient } from "../../harness/engine-client.ts";
import {
  ContainerServer,
  type EngineProfile,
  FAULT_VARIABLE,
  runTrace,
  type Server,
  vllm,
} from "../../harness/index.ts";
import { lastLines } from "../../harness/log-tail.ts";
import { calm, forArm } from "../../src/check/arms.ts";
import { campaignTraces } from "../../src/generate/campaign-traces.ts";
import { outcomes } from "../../src/history/outcome.ts";
import type { RequestOption } from "../../src/trace/options.ts";
import type { Trace } from "../../src/trace/schema.ts";
import { addTrace, compare, NOTHING_COMPARED, tallySchema } from "./compare.ts";

export const naiveSchema = tallySchema.extend({
  /** How many prompts were sent for reference, told apart by their hash, and how many answers they got. */
  different: z.strictObject({ prompts: z.int().nonnegative(), answers: z.int().nonnegative() }),
});

export type NaiveResult = z.infer<typeof naiveSchema>;

export interface Comparing {
  readonly seed: number;
  /** Milliseconds after which no new trace is started, references included. */
  readonly budget: number;
  /** Traces at most. */
  readonly traces?: number;
  /** The longest prompt and answer to ask for, tokens. */
  readonly context: number;
  readonly without: readonly RequestOption[];
}

export interface NaiveOptions extends Comparing {
  /** Null: the clean image. */
  readonly fault: string | null;
  /** Folder of the model. */
  readonly model: string;
}

/** @throws CrosstalkError of the server's start; Error with the end of its log when it does not last */
export async function runNaive({ fault, model, ...comparing }: NaiveOptions): Promise<NaiveResult> {
  const server = new ContainerServer({ profile: vllm, model, env: fault === null ? {} : { [FAULT_VARIABLE]: fault } });
  const baseUrl = await server.start();
  try {
    return await compareAnswers(server, baseUrl, vllm, comparing);
  } catch (cause) {
    throw new Error(`${(cause as Error).message}; ${lastLines(server.logs())}`, { cause });
  } finally {
    await server.stop();
  }
}

/** @param baseUrl of the server, which runs */
export async function compareAnswers(
  server: Server,
  baseUrl: string,
  profile: EngineProfile,
  { seed, budget, traces = Number.POSITIVE_INFINITY, context, without }: Comparing,
): Promise<NaiveResult> {
  const lost = new AbortController();
  server.onExit(() => lost.abort());
  const client = engineClient(baseUrl);
  const facts = await profile.describe(client, server.args);
  const options = facts.options.filter((option) => !without.includes(option));
  const description = { ...facts, options, topology: "single", canFlush: facts.flush.can } as const;
  const flush = () => profile.flush(client, facts);
  const eventsOf = async (trace: Trace) => {
    // As before every trace of a campaign.
    await flush();
    const run = { baseUrl, profile, flush, faults: server.faults, lost: lost.signal };
    const { end, events } = await runTrace(trace, run);
    if (end === "lost") throw new Error(`the server ended while trace ${trace.name} ran`);
    return events;
  };

  let tally = NOTHING_COMPARED;
  const prompts = new Set<string>();
  const answers = new Set<string>();
  const started = performance.now();
  for (const trace of campaignTraces({ seed, context, traces }, description)) {
    if (performance.now() - started >= budget) break;
    const alone = await eventsOf(forArm(calm(trace), "no-cache"));
    const references = outcomes({ events: alone });
    const loaded = outcomes({ events: await eventsOf(trace) });
    const comparisons = Array.from(loaded, ([id, answer]) => compare(answer, references.get(id)));
    tally = addTrace(tally, comparisons, (performance.now() - started) / 1000);
    for (const event of alone) if (event.e === "sent") prompts.add(event.sha256);
    for (const { tokens } of references.values()) answers.add(tokens.join(","));
  }
  return { ...tally, different: { prompts: prompts.size, answers: answers.size } };
}
