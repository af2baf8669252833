/** The reply to a request for an embedding as the one token that its vector stands for. */

import { NO_TOKEN } from "../src/target/embedding.ts";
import { readoutOf } from "../src/tracer/readout.ts";
import type { TracerShape } from "../src/tracer/shape.ts";
import type { EngineProfile, StreamEvent } from "./engines/profile.ts";

/** A `finish` with the token, or an error: EMBEDDING for a vector of no token, PROTOCOL for what is no vector of the model. */
export function embeddingEvent(profile: EngineProfile, body: string, shape: TracerShape): StreamEvent {
  try {
    const { cached, vector } = profile.readEmbedding(body);
    const token = readoutOf(shape).tokenOf(vector);
    if (token === null) return { kind: "error", ...NO_TOKEN };
    return { kind: "finish", ids: [token], reason: "length", cached, place: null };
  } catch (cause) {
    const message = `not an embedding of ${profile.name}: ${(cause as Error).message}: ${body.slice(0, 200)}`;
    return { kind: "error", code: "PROTOCOL", message };
  }
}
