/** What a wrong answer of the lab was really made of, from the lab's own account of its reads. */

import { generateTrace } from "../../generate/generate.ts";
import { limitsOf, type TraceLimits } from "../../generate/limits.ts";
import { type ScenarioName, scenario } from "../../generate/scenarios.ts";
import type { LabConfig, LabOptions } from "../../lab/config.ts";
import { labTarget } from "../../lab/target.ts";
import type { LabRead } from "../../lab/watched-cells.ts";
import type { Trace } from "../../trace/schema.ts";
import type { Anomaly, AnomalyClass } from "../finding.ts";
import { answersOf, type Run, toRun } from "../property.ts";

export interface WatchedRun {
  readonly run: Run;
  readonly blockSize: number;
  readonly contextTokens: number;
  readonly truth: Truth;
}

type Planted = Pick<LabOptions, "topology" | "fault" | "adapters">;

/** The trace of a seed, within the lab's limits. */
export async function labTrace(seed: number, requests: number, planted: Planted): Promise<Trace> {
  return generateTrace(seed, await limitsOfLab(planted, requests));
}

/** A named trace, within the lab's limits. */
export async function labScenario(name: ScenarioName, requests: number, planted: Planted): Promise<Trace> {
  return scenario(name, await limitsOfLab(planted, requests));
}

async function limitsOfLab(planted: Planted, requests: number): Promise<TraceLimits> {
  return limitsOf(await labTarget({ ...planted, model: "symbols" }).start(), { requests });
}

/** Runs a trace on a fresh lab that is watched. */
export async function watchedRun(trace: Trace, options: Planted): Promise<WatchedRun> {
  const reads: LabRead[] = [];
  const misdelivered: { to: string; from: string }[] = [];
  const missampled: { request: string; as: string }[] = [];
  const watch: NonNullable<LabConfig["watch"]> = {
    read: (read) => {
      if (read.reached.size > 0 || read.strange.length > 0) reads.push(read);
    },
    misdelivered: (to, from) => misdelivered.push({ to, from }),
    missampled: (request, as) => missampled.push({ request, as }),
  };
  const lab = labTarget({ ...options, model: "symbols", watch });
  const { blockSize, contextTokens } = await lab.start();
  const run = toRun(trace, await lab.execute(trace, { arm: "main" }));
  return { run, blockSize, contextTokens, truth: new Truth(run, reads, misdelivered, missampled) };
}

export class Truth {
  readonly #run: Run;
  readonly #reads: readonly LabRead[];
  readonly #misdelivered: readonly { readonly to: string; readonly from: string }[];
  readonly #missampled: readonly { readonly request: string; readonly as: string }[];

  constructor(
    run: Run,
    reads: readonly LabRead[],
    misdelivered: readonly { to: string; from: string }[],
    missampled: readonly { request: string; as: string }[],
  ) {
    this.#missampled = missampled;
    this.#run = run;
    this.#reads = reads;
    this.#misdelivered = misdelivered;
  }

  /**
   * Whose stream a request's tokens really came from, where not from its own, and whose theirs did. The request itself is
   * among them where one of its choices had another's.
   */
  streams(request: string): Set<string> {
    const reached = new Set([request]);
    // A set may grow while it is walked through.
    for (const to of reached) for (const told of this.#misdelivered) if (told.to === to) reached.add(told.from);
    if (!this.#misdelivered.some(({ from, to }) => from === request && to === request)) reached.delete(request);
    return reached;
  }

  /** Requests with whose parameters a request's tokens were really drawn, where not with its own. */
  samplers(request: string): Set<string> {
    return new Set(this.#missampled.filter((m) => m.request === request).map(({ as }) => as));
  }

  /**
   * Requests whose cells stood in a wrong token's context by mistake. For a scan also those that an earlier pass saw and
   * latched. Of a narrow read that went astray, its own cells may be what was read: the request itself is among them.
   */
  owners(request: string, index: number): Set<string> {
    const resolved = this.#run.requests.get(request)!;
    const length = resolved.prompt.length + index;
    const own = this.#reads.filter((r) => r.request === request);
    if (resolved.read === "scan") return new Set(own.filter((r) => r.length <= length).flatMap((r) => [...r.reached]));
    const pass = own.filter((r) => r.length === length);
    const found = pass.flatMap((r) => r.strange.flatMap((s) => s.found?.request ?? []));
    return new Set(pass.length > 0 ? [...found, request] : []);
  }

  /** Whether a narrow token's context had cells that nobody had written. */
  unwritten(request: string, index: number): boolean {
    const length = this.#run.requests.get(request)!.prompt.length + index;
    const pass = this.#reads.filter((r) => r.request === request && r.length === length);
    return pass.some((r) => r.strange.some((s) => s.found === null));
  }

  /** Whether an owner's cells were read by mistake while it was in the server, after its end, or both. */
  lifetimes({ request, choice = 0 }: Anomaly, index: number, owner: string): Set<AnomalyClass> {
    const resolved = this.#run.requests.get(request)!;
    const at = answersOf(this.#run, [this.#run.outcomes.get(request)!])[choice]!.tokenTimes[index]!;
    const length = resolved.prompt.length + index;
    const relevant = this.#reads.filter((r) =>
      resolved.read === "scan" ? r.t <= at : r.request === request && r.length === length,
    );
    const end = this.#run.outcomes.get(owner)?.settledAt ?? Number.POSITIVE_INFINITY;
    const read = relevant.filter((r) => r.strange.some((s) => s.found?.request === owner));
    return new Set(read.map((r) => (r.t <= end ? "foreign read" : "stale read")));
  }
}
