/** The picture of a finding: each request's context and time, and an arrow from the wrong token to the cell it came from. */

import { scaleLinear } from "d3-scale";
import type { Anomaly, Finding } from "../check/finding.ts";
import type { History, HistoryEvent } from "../history/schema.ts";
import { formatPrompt } from "../trace/print.ts";
import { type ResolvedRequest, resolveRequests } from "../trace/prompt.ts";
import { isLong } from "./excerpt.ts";
import { escapeHtml } from "./html.ts";
import { px } from "./numbers.ts";
import { isCertain, placesThatFit } from "./places.ts";
import { count, headline } from "./wording.ts";

const WIDTH = 960;
const CONTEXT = { from: 116, to: 430 };
const TIME = { from: 470, to: 940 };
const TOP = 44;
const ROW = 68;
const BAR = 20;
/** Requests that are drawn: those that the anomaly names, and the ones sent around the victim. */
const MOST_REQUESTS = 12;

/** What a request has to do with the anomaly, by its class in the picture. */
export const ROLES = { victim: "answered wrong", owner: "its cells fit", other: "" } as const;

type Scale = (value: number) => number;

/** Picture as SVG, 960 units wide. The same facts are in the rows of `timelineRows`. */
export function timelineSvg(finding: Finding): string {
  const { anomaly, history } = finding;
  const drawn = drawnRequests(finding);
  const rowOf = new Map(drawn.map((request, i) => [request.id, TOP + i * ROW]));
  const height = TOP + drawn.length * ROW + 8;
  const cells = Math.max(1, ...drawn.map((r) => r.prompt.length + r.maxTokens));
  const shown = shownTime(finding, drawn);
  const context = scaleLinear([0, cells], [CONTEXT.from, CONTEXT.to]);
  const time = scaleLinear([shown.from / 1000, shown.to / 1000], [TIME.from, TIME.to]);
  const label = (x: number, text: string) => `<text class="axis tick" x="${px(x)}" y="32">${text}</text>`;
  const ticks = [
    ...context.ticks(4).map((n) => label(context(n), `${n}`)),
    ...time.ticks(5).map((ms) => label(time(ms), `${ms}`)),
  ];
  const rows = drawn.map((request) => {
    const y = rowOf.get(request.id)!;
    const events = history.events.filter((event) => "id" in event && event.id === request.id);
    const role = roleOf(finding, request.id);
    const size = `${count(request.prompt.length, "prompt token")}, ${request.maxTokens} asked for`;
    const label = [request.id, ROLES[role], formatPrompt(request.parts), size].filter((part) => part !== "").join(", ");
    return `<g class="${role}" role="img" tabindex="0" aria-label="${escapeHtml(label)}">
<text class="name" x="4" y="${y + 15}">${escapeHtml(request.id)}</text><text class="role" x="4" y="${y + 32}">${ROLES[role]}</text>
${contextBar(request, y, context)}${timeBar(events, shown.to, y, time)}
</g>`;
  });
  const about = `${headline(anomaly)}. ${anomaly.explanation}`;
  return `<svg viewBox="0 0 ${WIDTH} ${height}" role="group" aria-labelledby="picture-title" aria-describedby="picture-about">
<title id="picture-title">Timeline of requests</title><desc id="picture-about">${escapeHtml(about)}</desc>
<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path class="head" d="M0 0L8 4L0 8z"/></marker></defs>
<text class="axis" x="${CONTEXT.from}" y="14">position in the context</text><text class="axis" x="${TIME.from}" y="14">time, ms</text>
${ticks.join("")}
${rows.join("\n")}
${arrow(finding, rowOf, context, time)}
</svg>`;
}

/** Microseconds at which the last event of a run came; 1 where it has none. */
export function lastTime({ events }: History): number {
  return events.reduce((last, { t }) => Math.max(last, t), 1);
}

/** Microseconds. */
export interface ShownTime {
  readonly from: number;
  readonly to: number;
}

/** The whole run; of a long one what the drawn requests were there for. */
export function shownTime(finding: Finding, drawn = drawnRequests(finding)): ShownTime {
  const { history, trace } = finding;
  if (!isLong(trace)) return { from: 0, to: lastTime(history) };
  const ids = new Set(drawn.map(({ id }) => id));
  const times = history.events.flatMap((event) => ("id" in event && ids.has(event.id ?? "") ? [event.t] : []));
  return { from: times[0] ?? 0, to: Math.max(times.at(-1) ?? 1, (times[0] ?? 0) + 1) };
}

/** In order of sending. */
function drawnRequests({ trace, anomaly }: Finding): ResolvedRequest[] {
  const all = [...resolveRequests(trace).values()];
  const victim = all.findIndex((request) => request.id === anomaly.request);
  const near = all.slice(Math.max(0, victim - MOST_REQUESTS + 2), victim + 2);
  const named = [anomaly.request, ...placesThatFit(anomaly).map((origin) => origin.request)];
  const first = named.flatMap((id) => all.find((request) => request.id === id) ?? []);
  const chosen = new Set([...new Set([...first, ...near.toReversed()])].slice(0, MOST_REQUESTS));
  return all.filter((request) => chosen.has(request));
}

export function roleOf({ anomaly }: Finding, id: string): keyof typeof ROLES {
  if (id === anomaly.request) return "victim";
  return placesThatFit(anomaly).some((o) => o.request === id) ? "owner" : "other";
}

/** Segments of the prompt, and behind them an outline for the answer. */
function contextBar({ spans, prompt, maxTokens }: ResolvedRequest, y: number, x: Scale): string {
  const segments = spans.map(({ seg, start, length }) => {
    const [from, to] = [x(start), x(start + length)];
    const name = to - from < 12 ? "" : `<text x="${px((from + to) / 2)}" y="${y + 15}">${escapeHtml(seg)}</text>`;
    return `<rect class="segment" x="${px(from)}" y="${y}" width="${px(to - from)}" height="${BAR}"/>${name}`;
  });
  const from = x(prompt.length);
  const to = x(prompt.length + maxTokens);
  return `${segments.join("")}<rect class="answer" x="${px(from)}" y="${y}" width="${px(to - from)}" height="${BAR}"/>`;
}

/** Up to the first token (queue and prefill, which a history does not tell apart), then decode; a cross for a cancel. */
function timeBar(events: readonly HistoryEvent[], last: number, y: number, x: Scale): string {
  const sent = events.find((event) => event.e === "sent");
  if (!sent) return "";
  const end = events.find((event) => event.e === "finished" || event.e === "failed" || event.e === "cancelled");
  const until = end?.t ?? last;
  const first = events.find((event) => event.e === "tokens")?.t ?? until;
  const bar = (kind: string, from: number, to: number) =>
    `<rect class="${kind}" x="${px(x(from / 1000))}" y="${y}" width="${px(Math.max(0, x(to / 1000) - x(from / 1000)))}" height="${BAR}"/>`;
  const marks = events.flatMap((event) => {
    const at = px(x(event.t / 1000));
    if (event.e === "cancelled") return [`<text class="mark" x="${at}" y="${y + 16}">✕ cancel</text>`];
    if (event.e === "cache") return [`<text class="mark" x="${at}" y="${y + 34}">${event.what}</text>`];
    return [];
  });
  return bar("prefill", sent.t, first) + bar("decode", first, until) + marks.join("");
}

/** Microseconds at which the arrow starts, where the wrong token came; null where time or place is unknown: no arrow. */
export function arrowTime({ anomaly, history, trace }: Finding): number | null {
  const [origin] = anomaly.origins;
  if (origin === undefined || !resolveRequests(trace).has(origin.request)) return null;
  return arrivalOf(history.events, anomaly);
}

/** From the time the wrong token came to the first place that fits; dashed where it may be another. */
function arrow(finding: Finding, rowOf: ReadonlyMap<string, number>, context: Scale, time: Scale): string {
  const { anomaly } = finding;
  const t = arrowTime(finding);
  if (t === null) return "";
  const origin = anomaly.origins[0]!;
  const [from, to] = [rowOf.get(anomaly.request)!, rowOf.get(origin.request)!];
  const kind = isCertain(anomaly) ? "arrow" : "arrow guess";
  const [x1, x2] = [time(t / 1000), context(origin.position + 0.5)];
  // Leaves the victim's row on the side of the owner's, and comes in on the near side of that.
  const [y1, y2] = to < from ? [from, to + BAR] : [from + BAR, to === from ? to + BAR : to];
  const bend = to === from ? from + ROW - 4 : (y1 + y2) / 2;
  return `<path class="${kind}" marker-end="url(#head)" d="M${px(x1)} ${y1}C${px(x1)} ${bend} ${px(x2)} ${bend} ${px(x2)} ${y2}"/><circle class="head" cx="${px(x1)}" cy="${y1}" r="4"/>`;
}

/** Microseconds at which an answer's token arrived; null where it never did. */
export function arrivalOf(
  events: readonly HistoryEvent[],
  { request, choice = 0, index }: Pick<Anomaly, "request" | "choice" | "index">,
): number | null {
  if (index === null) return null;
  let received = 0;
  for (const event of events) {
    if (event.e !== "tokens" || event.id !== request || (event.choice ?? 0) !== choice) continue;
    received += event.ids.length;
    if (received > index) return event.t;
  }
  return null;
}
