/** Words and numbers that all reports say in the same way. */

import type { Coverage } from "../check/coverage.ts";
import type { Anomaly, AnomalyClass, Finding, Rate, TraceSize } from "../check/finding.ts";
import { upperBoundOfZero } from "../check/statistics.ts";
import type { CampaignStatus } from "../check/verdict.ts";
import type { Arm } from "../history/schema.ts";
import type { ModelFormat } from "../tracer/manifest.ts";

/** What happened, in half a sentence for someone who does not know the class's name. */
const HEADLINES: Readonly<Record<AnomalyClass, string>> = {
  "foreign read": "a request was answered from another request's KV cells",
  "stale read": "a request was answered from KV cells that an earlier request left behind",
  "shifted read": "a request read its own KV cells at a wrong position",
  "torn read": "a request read KV cells that are partly another request's",
  "unwritten read": "a request read KV cells that nobody had written",
  "adapter mix-up": "a request was answered from KV cells that another adapter had computed",
  "row swap": "two requests of one batch got each other's tokens",
  "leaked parameter": "a request was sampled with parameters that are not its own, or not of that token",
  "phantom hit": "a request was given cached KV cells for a prefix that no earlier request had",
  "lost tail": "a finished answer has fewer tokens than were asked for",
  "repeated tail": "a part of an answer came twice",
  "unsettled request": "a request never finished",
  "lost server": "requests ended the server for everybody",
  unexplained: "a request got tokens that its prompt does not determine",
};

/** What a run came to. */
export const VERDICTS: Readonly<Record<CampaignStatus, string>> = {
  pass: "CLEAN",
  known: "KNOWN",
  inconclusive: "INCONCLUSIVE",
  fail: "FINDING",
};

/** What a control arm changes. */
export const ARM_CHANGES: Readonly<Record<Arm, string>> = {
  main: "nothing changed",
  serialised: "one request at a time",
  "no-cache": "prefix cache off",
  "no-cancels": "no request cancelled",
  "fresh-server": "server restarted first",
};

/** `foreign read`, or `foreign read or stale read` where the evidence fits both. */
export function classText({ class: kind, or }: Anomaly): string {
  return [kind, ...or.map((reading) => reading.class)].join(" or ");
}

/** What happened, for a title; not certain where a fit by chance cannot be told from it. */
export function headline({ class: kind, or }: Anomaly): string {
  const doubt = or.some((reading) => reading.class === "unexplained") ? " (not certain)" : "";
  return `${HEADLINES[kind]}${doubt}`;
}

const NO_LEAK: readonly AnomalyClass[] = [
  "lost tail",
  "repeated tail",
  "unsettled request",
  "lost server",
  "shifted read",
  "unwritten read",
];

/** Whether one user's data may have reached another, by any class that fits: to be reported in private first. */
export function isLeak({ anomaly }: Finding): boolean {
  return [anomaly, ...anomaly.or].some((reading) => !NO_LEAK.includes(reading.class));
}

export function count(n: number, thing: string): string {
  return `${n} ${thing}${n === 1 ? "" : "s"}`;
}

/** What runs without a failure say of the others. */
export const boundOfClean = (runs: number): string =>
  `at most ${(100 * upperBoundOfZero(runs)).toFixed(1)} % of runs fail, with 95 % confidence`;

/** `7 of 10 runs (40 % to 89 %)`: the interval is Wilson's, 95 %. */
export function formatRate(rate: Rate): string {
  return `${rate.failed} of ${count(rate.runs, "run")} (${percent(rate.low)} to ${percent(rate.high)})`;
}

export function formatConfirmation(finding: Finding): string {
  const { confirmation } = finding;
  const { servers } = confirmation;
  return `${formatRate(confirmation)} on ${servers === 0 ? "the same server" : count(servers, "fresh server")}`;
}

export function formatSize(size: TraceSize): string {
  return `${count(size.requests, "request")}, ${count(size.cancels, "cancel")}, ${count(size.steps, "step")}, ${count(size.promptTokens, "prompt token")}`;
}

/** What the model is called in a repro's commands. */
export const MODEL_NAMES: Readonly<Record<ModelFormat, string>> = { gguf: "tracer.gguf", hf: "tracer" };

/** The commands of a repro, in order: write the model, start the server, run the trace. */
export function reproCommands(finding: Finding): string[] {
  const model = MODEL_NAMES[finding.target.written.format];
  return [
    `python3 write_model.py ${model}`,
    ...startCommands(finding, model),
    "python3 repro.py http://127.0.0.1:8080",
    "# or: node repro.mjs http://127.0.0.1:8080",
  ];
}

/** The same from where Crosstalk ran. @param folder of the finding */
export const reproduction = (finding: Finding, folder: string): readonly string[] => [
  `cd ${folder}`,
  ...reproCommands(finding),
];

/** A finding that stands in the baseline, in a line. */
export function knownText({ known, repro, signature }: Known): string {
  if (known === null) return signature;
  const { expired, expires, link } = known;
  return `${expired ? `known until ${expires}, and no longer` : "known"}: ${signature}, ${link}; ${repro}`;
}

interface Known {
  readonly signature: string;
  readonly known: { readonly link: string; readonly expires: string; readonly expired: boolean } | null;
  readonly repro: string;
}

/** The numbers that a verdict rests on. */
export function formatCounts(c: Coverage): string {
  const cells = `cells: ${c.cells.held} held, ${c.cells.read} read, ${c.cells.readAfterRisk} read after a risky event`;
  const events = `${c.evictions} evictions, ${c.preemptions} preemptions, ${c.loads} loads, ${c.transfers} transfers`;
  return `${c.requests} requests, ${c.cancels} cancels, ${c.prefixHitTokens} prefix hit tokens, ${events}; ${cells}`;
}

/** The commands that start the server, with the names that the repro's files have. */
function startCommands(finding: Finding, model: string, port = "8080"): string[] {
  const { startCommand, engine } = finding.target;
  if (startCommand.length === 0) return [`# start ${engine.name} with ${model} on port ${port}`];
  return startCommand.map((line) => line.replaceAll("$PORT", port).replaceAll("$MODEL", model));
}

/** How arms differ from the trace itself, as a sentence each way: what still fails, what no longer does. Likewise settings. */
export function armConclusion(finding: Finding): string | null {
  const arms = finding.arms.filter((a) => a.arm !== "main" && a.rate.runs > 0);
  const { without = [], needed = [] } = finding.settings ?? {};
  if (arms.length + without.length + needed.length === 0) return null;
  const names = (failing: boolean) => arms.filter((a) => a.rate.failed > 0 === failing).map((a) => ARM_CHANGES[a.arm]);
  const [still, gone] = [names(true), names(false)];
  return [
    ...(still.length > 0 ? [`It still fails with: ${still.join("; ")}.`] : []),
    ...(gone.length > 0 ? [`It did not fail with: ${gone.join("; ")}.`] : []),
    ...(without.length > 0 ? [`It also fails without ${without.join(", ")} (left out of the command).`] : []),
    ...(needed.length > 0
      ? [
          `Kept, since without it the server does not start, cannot be flushed, or did not fail each time: ${needed.join(", ")}.`,
        ]
      : []),
  ].join(" ");
}

/** Breaks text into lines of at most `width` characters, at spaces where it can. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (let word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = "";
    }
    line = line === "" ? word : `${line} ${word}`;
    for (; line.length > width; line = word) {
      lines.push(line.slice(0, width));
      word = line.slice(width);
    }
  }
  return line === "" ? lines : [...lines, line];
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
