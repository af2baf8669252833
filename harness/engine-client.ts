/** Plain HTTP calls to an engine, off the timed path: readiness, description, counters, flush, probes. */

import { request } from "undici";
import { CrosstalkError } from "../src/errors.ts";
import { NO_OPTIONS, type RequestOptions } from "../src/trace/options.ts";
import type { ResolvedRequest } from "../src/trace/prompt.ts";
import { DEFAULT_SHAPE, type TracerShape } from "../src/tracer/shape.ts";
import { embeddingEvent } from "./embedding-event.ts";
import type { EngineProfile, StreamEvent } from "./engines/profile.ts";
import { tokenStream } from "./token-stream.ts";

export interface Reply {
  readonly status: number;
  readonly text: string;
}

/** Calls reject with SERVER_UNREACHABLE when there is no answer; an HTTP error status is an answer. */
export interface EngineClient {
  readonly baseUrl: string;
  get(path: string): Promise<Reply>;
  post(path: string, body?: unknown): Promise<Reply>;
}

/** Longest wait for an answer off the timed path, in milliseconds. */
const ANSWER_TIMEOUT_MS = 30_000;

export function engineClient(baseUrl: string, timeoutMs = ANSWER_TIMEOUT_MS): EngineClient {
  const call = async (method: "GET" | "POST", path: string, body?: unknown): Promise<Reply> => {
    try {
      const reply = await request(new URL(path, baseUrl), {
        method,
        // A connection left open may be closed by the server just as it is used again.
        reset: true,
        signal: AbortSignal.timeout(timeoutMs),
        ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
      });
      return { status: reply.statusCode, text: await reply.body.text() };
    } catch (cause) {
      throw unreachable(`${method} ${new URL(path, baseUrl)}`, timeoutMs, cause);
    }
  };
  return { baseUrl, get: (path) => call("GET", path), post: (path, body) => call("POST", path, body) };
}

function unreachable(what: string, timeoutMs: number, cause: unknown): CrosstalkError {
  const { name, code, message } = cause as NodeJS.ErrnoException;
  const why = name === "TimeoutError" ? `no answer in ${timeoutMs / 1000} s` : code || message || name;
  return new CrosstalkError("SERVER_UNREACHABLE", `${what}: ${why}`, "Is the server running, and at this address?", {
    cause,
  });
}

/** What one request off the timed path gave. */
export type Completion =
  | {
      readonly ok: true;
      readonly ids: readonly number[];
      readonly cached: number | null;
      readonly place: string | null;
    }
  | { readonly ok: false; readonly status: number; readonly message: string };

/**
 * Sends one request and reads its whole stream; of several choices the first.
 * @param shape of the model, for an embedding
 */
export async function complete(
  client: EngineClient,
  profile: EngineProfile,
  asked: Pick<ResolvedRequest, "prompt" | "maxTokens" | "cache" | "adapter">,
  options: RequestOptions = { ...NO_OPTIONS, adapter: asked.adapter },
  shape: TracerShape = DEFAULT_SHAPE,
): Promise<Completion> {
  const call = profile.request(asked, options);
  const { status, text } = await client.post(call.path, call.body);
  if (status !== 200) return { ok: false, status, message: profile.readError(text) };
  const ids: number[] = [];
  let finish: Extract<StreamEvent, { kind: "finish" }> | null = null;
  let message = "the stream ended without its last event";
  const take = (event: StreamEvent) => {
    if (event.kind === "finish" || (event.kind === "tokens" && !event.choice)) ids.push(...event.ids);
    if (event.kind === "finish") finish = event;
    if (event.kind === "error") message = `${event.code}: ${event.message}`;
  };
  if (options.embed) take(embeddingEvent(profile, text, shape));
  else {
    const stream = tokenStream(profile, take);
    stream.feed(Buffer.from(text));
    stream.end();
  }
  const last = finish as Extract<StreamEvent, { kind: "finish" }> | null;
  return last ? { ok: true, ids, cached: last.cached, place: last.place } : { ok: false, status, message };
}

/** Whether the engine says that it is ready: false while it loads or cannot be reached. */
export async function isReady(baseUrl: string, profile: EngineProfile, timeoutMs = 2_000): Promise<boolean> {
  try {
    return (await engineClient(baseUrl, timeoutMs).get(profile.readyPath)).status === 200;
  } catch {
    return false;
  }
}
