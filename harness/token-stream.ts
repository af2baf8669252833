/** Reads a token stream chunk by chunk: server-sent events may be split anywhere, within a character too. */

import { createParser } from "eventsource-parser";
import type { EngineProfile, EventReader, StreamEvent } from "./engines/profile.ts";

export interface TokenStream {
  feed(chunk: Uint8Array): void;
  /** A last event without its blank line is an event still. */
  end(): void;
}

/** What the dialect does not know becomes an error event with the code PROTOCOL. */
export function tokenStream(profile: EngineProfile, onEvent: (event: StreamEvent) => void): TokenStream {
  const decoder = new TextDecoder();
  const read = profile.reader();
  const parser = createParser({ onEvent: ({ data }) => onEvent(eventOf(profile, read, data)) });
  return {
    feed: (chunk) => parser.feed(decoder.decode(chunk, { stream: true })),
    end: () => parser.feed(`${decoder.decode()}\n\n`),
  };
}

function eventOf(profile: EngineProfile, read: EventReader, data: string): StreamEvent {
  try {
    return read(data);
  } catch (cause) {
    const message = `not an event of ${profile.name}: ${(cause as Error).message}: ${data.slice(0, 200)}`;
    return { kind: "error", code: "PROTOCOL", message };
  }
}
