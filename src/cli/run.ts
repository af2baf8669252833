/** `crosstalk run`: load a target until the budget ends or something breaks. */

import { type Baseline, baselineEntry, NO_BASELINE, parseBaseline } from "../baseline.ts";
import { CrosstalkError } from "../errors.ts";
import { EVENTS_VERSION } from "../report/events.ts";
import { isNew, NOTHING_RAN, type Summary, summarise } from "../report/summary.ts";
import { formatTerminal } from "../report/terminal.ts";
import { count, formatCounts, knownText, VERDICTS } from "../report/wording.ts";
import type { RequestOption } from "../trace/options.ts";
import { eventLog, NO_EVENTS, takesOutput } from "./event-log.ts";
import { EXIT, exitCodeOf as exitCodeOfStatus, formatError } from "./exit.ts";
import { inputFile } from "./input.ts";
import { withInterrupt } from "./interrupt.ts";
import type { ProfileName } from "./profiles.ts";
import { paintFor, progressTo } from "./progress.ts";
import { writeReports } from "./reports.ts";
import { saveCampaign } from "./save-campaign.ts";
import { dayOf, runSession, type Session } from "./session.ts";
import { Store } from "./store.ts";
import { openTarget, type TargetOptions, withNeedsOfFault } from "./target.ts";

export interface RunOptions extends TargetOptions {
  readonly seed: number;
  /** Milliseconds. */
  readonly budget: number;
  readonly traces: number;
  /** Milliseconds for the reduction of one failure. */
  readonly reduce: number;
  readonly findings: number;
  /** File of known failures. */
  readonly baseline?: string;
  /** Tokens. */
  readonly context: number;
  readonly without?: readonly RequestOption[];
  readonly out?: string;
  /** Files of reports. */
  readonly junit?: string;
  readonly summaryMd?: string;
  /** File of the stream of events; `-` for standard output. */
  readonly events?: string;
  readonly profile?: ProfileName;
  /** Bytes that the output folder may hold; findings always may. */
  readonly maxArtifacts?: number;
  readonly json?: boolean;
}

export async function run(options: RunOptions): Promise<number> {
  return withInterrupt(async (signal) => {
    const printsJson = options.json === true;
    let events = NO_EVENTS;
    let session: Session;
    let store: Store | null = null;
    let baseline = NO_BASELINE;
    try {
      if (printsJson && takesOutput(options.events)) throw twoOnOutput();
      store = new Store(options.out ?? `crosstalk-out/run-${timestamp(new Date())}`, storeOptions(options));
      if (options.events !== undefined) events = eventLog(options.events);
      events.write({ e: "begin", crosstalk: EVENTS_VERSION, seed: options.seed });
      if (options.baseline !== undefined) baseline = readBaseline(options.baseline);
      const planned = await withNeedsOfFault(options);
      const target = await openTarget(planned);
      const progress = progressTo(process.stderr, printsJson);
      session = await runSession({ ...planned, baseline, events, target, store, progress, signal });
    } catch (error) {
      const parts = {
        seed: options.seed,
        description: null,
        result: null,
        findings: [],
        baseline,
        today: dayOf(new Date()),
        ran: NOTHING_RAN,
        out: options.out ?? null,
        runsLeftOut: 0,
        error,
      };
      session = { summary: summarise(parts), findings: [], result: null, error };
    }
    if (printsJson) process.stdout.write(`${JSON.stringify(session.summary)}\n`);
    else printSession(session, takesOutput(options.events) ? process.stderr : process.stdout);
    const code = exitCodeOf(session);
    try {
      events.write({ e: "summary", summary: session.summary });
      events.close();
      if (store) saveCampaign(store, session);
      await writeReports(session, options, process.env);
    } catch (error) {
      process.stderr.write(`${formatError(error)}\n`);
      if (code === EXIT.clean) return EXIT.couldNotTest;
    }
    return signal.aborted ? EXIT.interrupted : code;
  });
}

function twoOnOutput(): CrosstalkError {
  const hint = "Leave --json out: the last event has the summary. Or give --events a file.";
  return new CrosstalkError("INVALID_OPTION", "--json and --events - both take standard output", hint);
}

const storeOptions = ({ maxArtifacts }: RunOptions) => (maxArtifacts === undefined ? {} : { maxBytes: maxArtifacts });

/** A law that broke is a finding, whatever ended the run after it. */
function exitCodeOf({ summary, error }: Session): number {
  return summary.verdict !== "fail" && error !== null ? EXIT.couldNotTest : exitCodeOfStatus(summary.verdict);
}

/** Findings on `output`, errors on standard error. */
export function printSession(
  { summary, findings, result, error }: Session,
  output: NodeJS.WriteStream = process.stdout,
): void {
  const paint = paintFor(output);
  for (const [i, { finding, folder }] of findings.entries()) {
    if (!isNew(summary.findings[i]!)) continue;
    output.write(`\n${formatTerminal(finding, { folder, paint })}`);
    output.write(`\nIf it is known already, for a baseline:\n  ${baselineEntry(finding, dayOf(new Date()))}\n`);
  }
  if (result) output.write(`\n${formatVerdict(summary)}\n`);
  if (error !== null) process.stderr.write(`${formatError(error)}\n`);
}

export function formatVerdict(summary: Summary): string {
  const { counts, laws } = summary;
  const lines = laws.map((law) => {
    const of = law.passed + law.known + law.inconclusive + law.failed;
    return `  ${law.id.padEnd(24)} ${law.status.padEnd(13)} ${law.status === "pass" ? `${law.passed} of ${of} traces; the last: ` : ""}${law.reason}`;
  });
  return [
    `${VERDICTS[summary.verdict]}: ${counts.traces} ${counts.traces === 1 ? "trace" : "traces"}, seed ${summary.seed}`,
    `  rests on ${formatCounts(counts)}`,
    ...lines,
    ...baselineLines(summary),
    ...(summary.out === null ? [] : [`  everything is in ${summary.out} (report.html is its page)${leftOut(summary)}`]),
  ].join("\n");
}

const leftOut = ({ runsLeftOut }: Summary): string =>
  runsLeftOut === 0 ? "" : `, less ${count(runsLeftOut, "clean run")}, the oldest, thrown away for --max-artifacts`;

/** What the baseline knew of, what it knows no longer, and what did not show. */
function baselineLines({ findings, notSeen }: Summary): string[] {
  return [
    ...findings.filter(({ known }) => known !== null).map((found) => `  ${knownText(found)}`),
    ...notSeen.map(({ link, signature }) => `  in the baseline, but not seen: ${signature}, ${link}`),
  ];
}

/** @throws CrosstalkError INVALID_BASELINE */
function readBaseline(path: string): Baseline {
  const { text } = inputFile(path, "baseline.json", "INVALID_BASELINE");
  return parseBaseline(text, path);
}

function timestamp(date: Date): string {
  return date.toISOString().slice(0, 19).replaceAll("-", "").replaceAll(":", "").replace("T", "-");
}
