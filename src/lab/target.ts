/** The lab as a target: runs a trace in virtual time, with the executor's meaning of every step. */

import { createHash } from "node:crypto";
import { CrosstalkError } from "../errors.ts";
import type { History, HistoryHeader } from "../history/schema.ts";
import { HISTORY_VERSION } from "../history/schema.ts";
import type { Execution, Target, TargetDescription } from "../target/target.ts";
import { optionsIn, PENALTIES, type RequestOption } from "../trace/options.ts";
import { formatTrace } from "../trace/read.ts";
import { isSend, promptLength, type Trace } from "../trace/schema.ts";
import { DEFAULT_MODEL } from "../tracer/manifest.ts";
import type { LabConfig, LabOptions } from "./config.ts";
import { LabEngine } from "./engine.ts";
import { flushProof, runTrace } from "./run-trace.ts";

export type LabTargetOptions = LabOptions & {
  /** Manifest hash of the tracer model that the lab computes with symbols. */
  readonly model: string;
  /** Gives each of several runs of a trace a scheduler seed of its own, as servers differ in their timing from run to run. */
  readonly jitter?: boolean;
};

const VERSION = "1";
/** Options of requests that a lab can serve: what its adapters, cache, scheduler and sampler know. */
const LAB_OPTIONS: readonly RequestOption[] = [
  ...(["adapter", "salt", "priority", "allow", "seed"] as const),
  ...PENALTIES,
  ...(["n", "grammar", "requestId", "session", "embed"] as const),
];
/** What a decode pool that is apart has no part in: it gets the cells of one choice, and keeps none for a session. */
const NOT_APART: Partial<Record<RequestOption, string>> = {
  n: "gives one choice",
  session: "keeps no sessions",
  embed: "embeds nothing",
};
type Served = Pick<LabConfig, "topology" | "window">;
const optionsOf = (lab: Served): readonly RequestOption[] =>
  LAB_OPTIONS.filter((option) => whyNot(lab, option) === null);

/** Why a lab does not serve an option of its own; null if it does. */
function whyNot({ topology, window }: Served, option: RequestOption): string | null {
  if (topology === "pd" && NOT_APART[option] !== undefined)
    return `the lab ${NOT_APART[option]} where prefill and decode are apart`;
  return window !== null && option === "session" ? "the lab keeps no sessions beside a sliding window" : null;
}

/**
 * A lab. Caches and dirty cells live on from trace to trace until `flush` or `restart`.
 * @throws CrosstalkError INVALID_OPTION
 */
export function labTarget(options: LabTargetOptions): Target {
  return new LabTarget(options);
}

class LabTarget implements Target {
  readonly varies: boolean;
  readonly #model: string;
  readonly #options: LabOptions;
  #engine: LabEngine;
  #epoch = 1;
  #empty = true;

  constructor({ model, jitter = false, ...options }: LabTargetOptions) {
    this.varies = jitter;
    this.#model = model;
    this.#options = options;
    this.#engine = new LabEngine(options);
  }

  async start(): Promise<TargetDescription> {
    const { adapters, blockSize, contextTokens, decodeBlocks, fault, maxRunning } = this.#engine.config;
    const { poolBlocks, preset, shape, topology, window } = this.#engine.config;
    // Of all dialects the one that has every option of the lab.
    const dialect = preset === null ? [] : ["--dialect", "llama-server"];
    return {
      kind: "lab",
      engine: { name: "lab", version: VERSION, args: labArguments(this.#engine.config) },
      topology,
      blockSize,
      poolCells: blockSize * (topology === "pd" ? Math.min(poolBlocks, decodeBlocks) : poolBlocks),
      maxRunning,
      contextTokens,
      canFlush: true,
      model: this.#model,
      // No GGUF of the tracer has a window.
      written: { ...DEFAULT_MODEL, shape, ...(window === null ? {} : { format: "hf" }) },
      dialect: "llama-server",
      isolation: "flush",
      startsInMs: 0,
      options: optionsOf(this.#engine.config).filter((option) => adapters || option !== "adapter"),
      arms: ["main", "serialised", "no-cache", "no-cancels", "fresh-server"],
      startCommand: [`crosstalk lab --port $PORT ${[...labArguments(this.#engine.config), ...dialect].join(" ")}`],
      fault: fault?.name ?? null,
    };
  }

  /** @throws CrosstalkError UNSUPPORTED_BY_TARGET */
  async execute(trace: Trace, { arm, run, signal }: Execution): Promise<History> {
    refuseUnsupported(trace, this.#engine.config);
    signal?.throwIfAborted();
    const { topology } = this.#engine.config;
    const schedulerSeed = this.#seedOf(run);
    if (this.varies) this.#engine.vary(schedulerSeed);
    const header: HistoryHeader = {
      crosstalk: HISTORY_VERSION,
      trace: { name: trace.name, sha256: createHash("sha256").update(formatTrace(trace)).digest("hex") },
      arm,
      epoch: this.#epoch,
      empty: this.#empty,
      engine: { name: "lab", version: VERSION, args: labArguments({ ...this.#engine.config, schedulerSeed }) },
      target: `lab:${topology}`,
      model: this.#model,
      machine: "lab",
      clock: "virtual",
    };
    this.#empty = false;
    return { header, events: runTrace(this.#engine, trace) };
  }

  /** Runs that are not counted have the timing that the lab was made with. */
  #seedOf(run: number | undefined): number | null {
    const { schedulerSeed } = this.#engine.config;
    return this.varies && run !== undefined ? (schedulerSeed ?? 0) + run : schedulerSeed;
  }

  /** Leaves nothing of the traces before, not even dirty cells: a flushed lab's history depends on the trace alone. */
  async flush(): Promise<string> {
    const proof = flushProof(this.#engine.flush());
    this.#engine = new LabEngine(this.#options);
    this.#empty = true;
    return proof;
  }

  async restart(): Promise<void> {
    this.#engine = new LabEngine(this.#options);
    this.#empty = true;
    this.#epoch++;
  }

  async stop(): Promise<void> {}
}

/** The options of a lab as a command line has them. */
function labArguments({ topology, preset, fault, schedulerSeed }: LabConfig): string[] {
  return [
    ...["--topology", topology],
    ...(preset === null ? [] : ["--preset", preset]),
    ...(fault === null ? [] : ["--fault", fault.name]),
    ...(schedulerSeed === null ? [] : ["--scheduler-seed", `${schedulerSeed}`]),
  ];
}

function refuseUnsupported(trace: Trace, config: LabConfig): void {
  const { needs } = trace;
  const refuse = (what: string, hint: string) => {
    throw new CrosstalkError("UNSUPPORTED_BY_TARGET", `trace ${trace.name}: ${what}`, hint);
  };
  for (const [i, step] of trace.steps.entries()) {
    const option = isSend(step) ? optionsIn(step).find((o) => !optionsOf(config).includes(o)) : undefined;
    const why = option === undefined ? null : whyNot(config, option);
    if (why !== null)
      refuse(
        `step ${i + 1}: ${why}`,
        `Take ${option} out of the trace, or use ${config.topology === "pd" ? "--topology single" : "a lab without a window"}.`,
      );
    if (option !== undefined)
      refuse(`step ${i + 1}: the lab knows no ${option}`, "Take it out of the trace, or run it on vLLM.");
    if ("fault" in step)
      refuse(
        `step ${i + 1}: the lab cannot be made to ${step.fault}`,
        "Take the step out of the trace, or run it on a server that Crosstalk starts (a container or --cmd).",
      );
  }
  if (needs?.topology !== undefined && needs.topology !== config.topology)
    refuse(`needs topology ${needs.topology}, this lab is ${config.topology}`, `Use --topology ${needs.topology}.`);
  if (needs?.blockSize !== undefined && needs.blockSize !== config.blockSize)
    refuse(`needs blocks of ${needs.blockSize} cells, this lab has ${config.blockSize}`, "Set the lab's blockSize.");
  const longest = Math.max(0, ...trace.steps.filter(isSend).map((s) => promptLength(trace, s.prompt) + s.maxTokens));
  const context = Math.max(longest, needs?.contextTokens ?? 0);
  if (context > config.contextTokens)
    refuse(
      `needs a context of ${context} tokens, this lab has ${config.contextTokens}`,
      "Set the lab's contextTokens.",
    );
}
