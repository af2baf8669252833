/** What happened in a run, as rows in order of time: the timeline before it is drawn. */

import type { Finding } from "../check/finding.ts";
import { answerName } from "../check/verdict.ts";
import type { HistoryEvent } from "../history/schema.ts";
import { formatPrompt } from "../trace/print.ts";
import { expectedTokens, type ResolvedRequest, resolveRequests } from "../trace/prompt.ts";
import { tokenName } from "../tracer/vocabulary.ts";
import { count } from "./wording.ts";

export interface TimelineRow {
  /** Microseconds from the run's start. */
  readonly t: number;
  /** Request whose column the row belongs to; null for what concerns the whole server. */
  readonly request: string | null;
  readonly lines: readonly string[];
  /** Whether the row shows what is wrong. */
  readonly wrong: boolean;
}

/** Tokens of one answer that arrived with nothing else happening in between. */
interface Stretch {
  readonly request: string;
  readonly choice: number;
  readonly t: number;
  readonly from: number;
  to: number;
}

/** Rows of a finding's run. Tokens that arrive with nothing of note in between share a row; a wrong one gets its own. */
export function timelineRows(finding: Finding): TimelineRow[] {
  const requests = resolveRequests(finding.trace);
  const rows: TimelineRow[] = [];
  const received = new Map<string, number>();
  const open = new Map<string, Stretch>();
  const settled = new Set<string>();

  const close = (answer: string): void => {
    const stretch = open.get(answer);
    if (!stretch) return;
    open.delete(answer);
    const { request, choice, t, from, to } = stretch;
    const text = from === 0 ? "first token" : to - from === 1 ? `token ${from}` : `tokens ${from} to ${to - 1}`;
    rows.push({ t, request, lines: [`${text}${ofChoice(choice)}`], wrong: false });
  };
  const closeAll = (): void => {
    const byTime = [...open].sort(([, a], [, b]) => a.t - b.t);
    for (const [answer] of byTime) close(answer);
  };
  const put = (t: number, request: string | null, lines: readonly string[], wrong = false): void => {
    closeAll();
    rows.push({ t, request, lines, wrong });
  };

  const answers = new Map<string, Int32Array>();
  const expectedOf = (id: string): Int32Array => {
    const request = requests.get(id);
    const answer = answers.get(id) ?? (request ? expectedTokens(request) : new Int32Array());
    answers.set(id, answer);
    return answer;
  };
  const receive = (t: number, id: string, choice: number, ids: readonly number[]): void => {
    const expected = expectedOf(id);
    const answer = answerName({ request: id, choice });
    for (const token of ids) {
      const index = received.get(answer) ?? 0;
      received.set(answer, index + 1);
      if (token !== expected[index]) {
        put(t, id, wrongToken(index, choice, token, expected[index]), true);
        continue;
      }
      const stretch = open.get(answer);
      if (stretch) stretch.to = index + 1;
      else open.set(answer, { request: id, choice, t, from: index, to: index + 1 });
      // The first token has a row of its own: it ends the prefill.
      if (index === 0) close(answer);
    }
  };

  for (const event of joinCacheEvents(finding.history.events)) {
    if (event.e === "tokens") receive(event.t, event.id, event.choice ?? 0, event.ids);
    else if (event.e === "end") {
      const shown = new Set(rows.map((row) => row.request));
      for (const id of requests.keys()) {
        if (received.has(id) || shown.has(id)) {
          if (!settled.has(id)) put(event.t, id, ["still open"], finding.anomaly.request === id);
        }
      }
    } else {
      const row = describe(event, requests, received);
      if (row === null) continue;
      if (event.e === "finished" || event.e === "failed" || event.e === "cancelled") settled.add(event.id);
      put(event.t, row.request, row.lines, row.wrong);
    }
  }
  closeAll();
  return joinWrong(rows);
}

/** Engines tell of blocks one by one: what follows at once, of the same kind for the same request, is one event. */
function joinCacheEvents(events: readonly HistoryEvent[]): HistoryEvent[] {
  const joined: HistoryEvent[] = [];
  for (const event of events) {
    const last = joined.at(-1);
    if (event.e === "cache" && last?.e === "cache" && last.what === event.what && last.id === event.id)
      joined[joined.length - 1] = { ...last, blocks: [...last.blocks, ...event.blocks] };
    else joined.push(event);
  }
  return joined;
}

const ofChoice = (choice: number): string => (choice === 0 ? "" : ` of choice ${choice}`);

function wrongToken(index: number, choice: number, observed: number, expected: number | undefined): string[] {
  const right = expected === undefined ? "the end" : tokenName(expected);
  return [`token ${index}${ofChoice(choice)} is ${tokenName(observed)},`, `should be ${right}`];
}

/** The first wrong token says everything; those that follow it at once are counted. */
function joinWrong(rows: readonly TimelineRow[]): TimelineRow[] {
  const kept: TimelineRow[] = [];
  let run = 0;
  for (const [i, row] of rows.entries()) {
    const isToken = (r: TimelineRow | undefined): boolean => r?.wrong === true && r.lines[0]!.startsWith("token ");
    run = isToken(row) ? run + 1 : 0;
    const next = rows[i + 1];
    const goesOn = isToken(next) && next?.request === row.request;
    if (run <= 1) kept.push(row);
    else if (!goesOn) kept.push({ ...row, lines: [`${run - 1} more wrong`] });
    if (!goesOn) run = 0;
  }
  return kept;
}

type Row = Omit<TimelineRow, "t">;

function describe(
  event: Exclude<HistoryEvent, { e: "tokens" | "end" }>,
  requests: ReadonlyMap<string, ResolvedRequest>,
  received: ReadonlyMap<string, number>,
): Row | null {
  switch (event.e) {
    case "sent": {
      const request = requests.get(event.id);
      const prompt = request ? formatPrompt(request.parts) : "";
      const size = `${event.tokens} in, ${request?.maxTokens ?? "?"} out${request?.cache === false ? ", cache off" : ""}`;
      return { request: event.id, lines: [`send ${prompt}`, `(${size})`], wrong: false };
    }
    case "cancelled":
      return { request: event.id, lines: ["cancel"], wrong: false };
    case "finished": {
      const { choices = 1, maxTokens } = requests.get(event.id) ?? {};
      const answers = Array.from({ length: choices }, (_, choice) => answerName({ request: event.id, choice }));
      const got = answers.reduce((sum, answer) => sum + (received.get(answer) ?? 0), 0);
      const asked = maxTokens === undefined ? got : maxTokens * choices;
      const cached = event.cached === null || event.cached === 0 ? [] : [`${event.cached} from cache`];
      const place = event.place === undefined ? [] : [event.place];
      const end = got === asked ? `finished, ${count(got, "token")}` : `finished, ${got} of ${count(asked, "token")}`;
      const about = [...cached, ...place].join(", ");
      return { request: event.id, lines: about === "" ? [end] : [end, `(${about})`], wrong: got !== asked };
    }
    case "failed":
      return { request: event.id, lines: [`failed: ${event.code}`, event.message], wrong: true };
    case "cache": {
      const blocks = event.blocks.length === 1 ? `block ${event.blocks[0]}` : `blocks ${ranges(event.blocks)}`;
      return { request: event.id ?? null, lines: [`${event.what}: ${blocks}`], wrong: false };
    }
    case "flushed":
      return { request: null, lines: [`flush: ${event.proof}`], wrong: false };
    case "fault":
      return { request: null, lines: [`fault: ${event.fault}`], wrong: false };
    case "lost":
      return { request: null, lines: ["the server ended", event.how], wrong: true };
    case "metrics":
      return null;
  }
}

/** `4-7, 9`. */
function ranges(numbers: readonly number[]): string {
  const runs: [number, number][] = [];
  for (const n of [...numbers].sort((a, b) => a - b)) {
    const last = runs.at(-1);
    if (last && n <= last[1] + 1) last[1] = n;
    else runs.push([n, n]);
  }
  return runs.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(", ");
}
