/** From what the executor kept while the clock ran to the events of a history. */

import type { HistoryEvent } from "../src/history/schema.ts";
import type { TracerShape } from "../src/tracer/shape.ts";
import { embeddingEvent } from "./embedding-event.ts";
import type { EngineProfile, StreamEvent } from "./engines/profile.ts";
import type { InFlight } from "./in-flight.ts";
import { tokenStream } from "./token-stream.ts";

/** Times are the clock's milliseconds. */
export interface Recording {
  readonly origin: number;
  readonly ended: number;
  readonly requests: readonly InFlight[];
  readonly marks: readonly (
    | { readonly e: "flushed"; readonly time: number; readonly intended: number; readonly proof: string }
    | { readonly e: "fault"; readonly time: number; readonly intended: number; readonly fault: string }
  )[];
  readonly lateness: readonly number[];
}

/** Events in order of time, the `end` event last. */
export function toEvents(recording: Recording, profile: EngineProfile, shape: TracerShape): HistoryEvent[] {
  const micros = (time: number) => Math.max(0, Math.round((time - recording.origin) * 1000));
  const events: HistoryEvent[] = recording.requests.flatMap((request) =>
    requestEvents(request, profile, shape, micros),
  );
  for (const mark of recording.marks) {
    const times = { t: micros(mark.time), at: micros(mark.intended) };
    if (mark.e === "flushed") events.push({ ...times, e: "flushed", proof: mark.proof });
    else events.push({ ...times, e: "fault", fault: mark.fault });
  }
  // Sorting is stable: a request's own events keep their order.
  events.sort((a, b) => a.t - b.t);
  const late = recording.lateness.map((ms) => Math.max(0, Math.round(ms * 1000))).sort((a, b) => a - b);
  events.push({
    t: Math.max(micros(recording.ended), events.at(-1)?.t ?? 0),
    e: "end",
    latenessP99: late[Math.ceil(late.length * 0.99) - 1] ?? 0,
    latenessMax: late.at(-1) ?? 0,
  });
  return events;
}

function requestEvents(
  request: InFlight,
  profile: EngineProfile,
  shape: TracerShape,
  micros: (time: number) => number,
): readonly HistoryEvent[] {
  const { embed, id, tokens, sha256 } = request.prepared;
  const events: HistoryEvent[] = [
    { t: micros(request.sentAt), e: "sent", at: micros(request.intended), id, tokens, sha256 },
  ];
  const failed = (time: number, code: string, message: string): void => {
    events.push({ t: micros(time), e: "failed", id, code, message });
  };
  const { ending } = request;
  if (request.status >= 400 && ending.kind !== "cancelled") {
    if (ending.kind === "open") return events;
    const body = Buffer.concat(request.chunks).toString("utf8");
    failed(ending.time, `HTTP ${request.status}`, profile.readError(body));
    return events;
  }

  // The first event that says how it went is the last that counts.
  let settled = false;
  let now = request.sentAt;
  const take = (event: StreamEvent) => {
    if (settled || event.kind === "ignored") return;
    settled = event.kind !== "tokens";
    if (event.kind === "error") {
      failed(now, event.code, event.message);
      return;
    }
    if (event.ids.length > 0) {
      const last = events.at(-1)!;
      const { choice, logprobs } = event.kind === "tokens" ? event : {};
      // One chunk may hold several events: their tokens arrived together.
      const together =
        last.e === "tokens" && last.t === micros(now) && last.choice === choice && !last.logprobs === !logprobs;
      if (together) {
        last.ids.push(...event.ids);
        last.logprobs?.push(...logprobs!);
      } else {
        const told = { ...(choice && { choice }), ids: [...event.ids], ...(logprobs && { logprobs: [...logprobs] }) };
        events.push({ t: micros(now), e: "tokens", id, ...told });
      }
    }
    if (event.kind !== "finish") return;
    const place = event.place === null ? {} : { place: event.place };
    events.push({ t: micros(now), e: "finished", id, reason: event.reason, cached: event.cached, ...place });
  };
  if (embed && ending.kind === "ended") {
    now = ending.time;
    take(embeddingEvent(profile, Buffer.concat(request.chunks).toString("utf8"), shape));
  } else if (!embed && request.status > 0 && request.status < 400) {
    const stream = tokenStream(profile, take);
    for (const [i, chunk] of request.chunks.entries()) {
      now = request.times[i]!;
      stream.feed(chunk);
    }
    if (ending.kind === "ended") stream.end();
  }
  if (settled) return events;
  switch (ending.kind) {
    case "cancelled":
      events.push({ t: micros(ending.time), e: "cancelled", at: micros(ending.intended), id });
      break;
    case "lost":
      failed(ending.time, "CONNECTION", ending.error.message);
      break;
    case "ended":
      failed(ending.time, "TRUNCATED", "the stream ended without its last event");
      break;
    case "open":
      break;
  }
  return events;
}
