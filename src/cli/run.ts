/** `crosstalk run`: load a target until the budget ends or something breaks. */

import { formatTerminal } from "../report/terminal.ts";
import type { RequestOption } from "../trace/options.ts";
import { EXIT, exitCodeOf as exitCodeOfStatus, formatError } from "./exit.ts";
import { withInterrupt } from "./interrupt.ts";
import { formatCounts, paintFor, progressTo } from "./progress.ts";
import { runSession, type Session } from "./session.ts";
import { Store } from "./store.ts";
import { NOTHING_RAN, type Summary, summarise } from "./summary.ts";
import { openTarget, type TargetOptions, withNeedsOfFault } from "./target.ts";

export interface RunOptions extends TargetOptions {
  readonly seed: number;
  /** Milliseconds. */
  readonly budget: number;
  readonly traces: number;
  readonly findings: number;
  /** Tokens. */
  readonly context: number;
  readonly without?: readonly RequestOption[];
  readonly out?: string;
  readonly json?: boolean;
}

export async function run(options: RunOptions): Promise<number> {
  return withInterrupt(async (signal) => {
    let session: Session;
    let store: Store | null = null;
    try {
      store = new Store(options.out ?? `crosstalk-out/run-${timestamp(new Date())}`);
      const planned = await withNeedsOfFault(options);
      const target = await openTarget(planned);
      const progress = progressTo(process.stderr, options.json === true);
      session = await runSession({ ...planned, target, store, progress, signal });
    } catch (error) {
      const parts = {
        seed: options.seed,
        description: null,
        result: null,
        findings: [],
        ran: NOTHING_RAN,
        out: options.out ?? null,
        error,
      };
      session = { summary: summarise(parts), findings: [], result: null, error };
    }
    if (options.json) process.stdout.write(`${JSON.stringify(session.summary)}\n`);
    else printSession(session);
    if (store && session.summary.error?.code !== "OUTPUT_NOT_WRITABLE") {
      store.write("summary.json", `${JSON.stringify(session.summary, null, 2)}\n`);
    }
    return signal.aborted ? EXIT.interrupted : exitCodeOf(session);
  });
}

/** A law that broke is a finding, whatever ended the run after it. */
function exitCodeOf({ summary, error }: Session): number {
  return summary.verdict !== "fail" && error !== null ? EXIT.couldNotTest : exitCodeOfStatus(summary.verdict);
}

/** Findings on standard output, errors on standard error. */
export function printSession({ summary, findings, result, error }: Session): void {
  const paint = paintFor(process.stdout);
  for (const { finding, folder } of findings) process.stdout.write(`\n${formatTerminal(finding, { folder, paint })}`);
  if (result) process.stdout.write(`\n${formatVerdict(summary)}\n`);
  if (error !== null) process.stderr.write(`${formatError(error)}\n`);
}

export function formatVerdict(summary: Summary): string {
  const { counts, laws } = summary;
  const words = { pass: "CLEAN", fail: "FINDING", inconclusive: "INCONCLUSIVE" } as const;
  const lines = laws.map((law) => {
    const of = law.passed + law.inconclusive + law.failed;
    return `  ${law.id.padEnd(24)} ${law.status.padEnd(13)} ${law.status === "pass" ? `${law.passed} of ${of} traces; ` : ""}${law.reason}`;
  });
  return [
    `${words[summary.verdict]}: ${counts.traces} ${counts.traces === 1 ? "trace" : "traces"}, seed ${summary.seed}`,
    `  rests on ${formatCounts(counts)}`,
    ...lines,
    ...(summary.out === null ? [] : [`  everything is in ${summary.out}`]),
  ].join("\n");
}

function timestamp(date: Date): string {
  return date.toISOString().slice(0, 19).replaceAll("-", "").replaceAll(":", "").replace("T", "-");
}
