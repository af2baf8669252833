/** A history's events as a person reads them, a line each. */

import { tokenName } from "../tracer/vocabulary.ts";
import type { HistoryEvent } from "./schema.ts";

export function formatEvent(event: HistoryEvent): string {
  const time = `${(event.t / 1000).toFixed(3).padStart(11)} ms  `;
  switch (event.e) {
    case "sent":
      return `${time}${event.id} sent, ${event.tokens} tokens (due ${(event.at / 1000).toFixed(3)} ms)`;
    case "tokens":
      return `${time}${event.choice ? `choice ${event.choice} of ` : ""}${event.id} got ${event.ids.map(tokenName).join(" ")}`;
    case "cancelled":
      return `${time}${event.id} cancelled (due ${(event.at / 1000).toFixed(3)} ms)`;
    case "finished":
      return `${time}${event.id} finished: ${event.reason}, ${event.cached ?? "?"} tokens from the cache${event.place ? `, ${event.place}` : ""}`;
    case "failed":
      return `${time}${event.id} failed: ${event.code}: ${event.message}`;
    case "flushed":
      return `${time}caches flushed: ${event.proof}`;
    case "fault":
      return `${time}fault: ${event.fault}`;
    case "cache":
      return `${time}${event.what}${event.id ? ` for ${event.id}` : ""}, blocks ${event.blocks.join(" ")}`;
    case "metrics":
      return `${time}engine counters: ${Object.entries(event.counters)
        .map(([name, value]) => `${name} ${value}`)
        .join(", ")}`;
    case "lost":
      return `${time}the server ended ${event.how}`;
    case "end":
      return `${time}end; steps fired at most ${(event.latenessMax / 1000).toFixed(3)} ms late`;
  }
}
