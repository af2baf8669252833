/** What Crosstalk knows about an engine. Data first; a function only where data cannot say it. */

import type { Logprob } from "../../src/history/schema.ts";
import type { Dialect } from "../../src/target/dialect.ts";
import type { RequestOption, RequestOptions } from "../../src/trace/options.ts";
import type { ResolvedRequest } from "../../src/trace/prompt.ts";
import type { ModelFormat } from "../../src/tracer/manifest.ts";
import type { EngineClient } from "../engine-client.ts";

/** An HTTP call, before it is serialised. */
export interface EngineCall {
  readonly method: "POST";
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** One event of a token stream, in Crosstalk's words. */
export type StreamEvent =
  | {
      readonly kind: "tokens";
      readonly ids: readonly number[];
      /** One for each id, where the engine tells. */
      readonly logprobs?: readonly Logprob[];
      /** Choice 0 where it names no other. */
      readonly choice?: number;
    }
  | {
      readonly kind: "finish";
      readonly ids: readonly number[];
      readonly reason: "length" | "stop" | "other";
      /** Prompt tokens read from the cache; null where the engine does not tell. */
      readonly cached: number | null;
      /** Slot, row or replica that served the request. */
      readonly place: string | null;
    }
  | { readonly kind: "error"; readonly code: string; readonly message: string }
  | { readonly kind: "ignored" };

/** The reply to a request for an embedding. */
export interface EmbeddingReply {
  readonly vector: readonly number[];
  /** Prompt tokens read from the cache; null where the engine does not tell. */
  readonly cached: number | null;
}

/** Reads the data of one server-sent event after another. Throws on what the dialect does not know. */
export type EventReader = (data: string) => StreamEvent;

/** The image that runs the engine, and where it comes from. */
export interface EngineImage {
  readonly name: string;
  /** The command that builds it here; null for an image of a registry. */
  readonly build: string | null;
  /** Where the model is mounted in the container. */
  readonly modelPath: string;
  /** First words of `serve`, which the image's entry point has. */
  readonly entryPoint: readonly string[];
  /** Bytes of /dev/shm; null for Docker's default. */
  readonly sharedMemory: number | null;
}

/** A server argument that makes a cache small enough to be fought over. */
export interface Knob {
  readonly flag: string;
  readonly campaign: string;
  readonly what: string;
}

/** A bug that can be planted in Crosstalk's own image of the engine. */
export interface PlantedFault {
  readonly name: string;
  /** Arguments that the engine needs for it to show. */
  readonly args: readonly string[];
  /** What requests have to name for it to show, and nothing else: adapters, or the base model too. */
  readonly adapters?: "some" | "all";
}

/**
 * The engine's own counters: for each of Crosstalk's names the Prometheus series whose sum it is (`name`, or
 * `name{label="value"}`). A name that is missing is unknown, which is not zero.
 */
export interface MetricsMap {
  readonly path: string;
  /** Only ever grow: a history holds their difference over the run. */
  readonly counters: Readonly<Record<string, readonly string[]>>;
}

export interface GpuNeeds {
  readonly need: "none" | "optional" | "required";
  /** Image with the GPU build, where it differs. */
  readonly image: string | null;
}

/** Whether a running server can do something, and why not. */
export type Capability = { readonly can: true } | { readonly can: false; readonly reason: string };

/** What a running server says about itself. */
export interface EngineFacts {
  readonly version: string;
  readonly maxRunning: number;
  readonly contextTokens: number;
  readonly poolCells: number;
  readonly blockSize: number;
  readonly flush: Capability;
  /** Whether a flush empties every cache there is. */
  readonly flushesAll: boolean;
  readonly counters: Capability;
  /** Options of requests that it knows as it was started. */
  readonly options: readonly RequestOption[];
}

export interface EngineProfile {
  readonly name: string;
  readonly title: string;
  readonly modelFormat: ModelFormat;
  readonly dialect: Dialect;
  readonly defaultPort: number;
  readonly image: EngineImage;
  /**
   * The command that starts a server for a campaign, executable first. `{model.gguf}` or `{model.hf}`, `{host}` and
   * `{port}` are filled in.
   */
  readonly serve: readonly string[];
  /** Arguments that load the tracer's adapters; `{adapters}` is the folder that has them. */
  readonly adapterArgs: readonly string[];
  /** Variables that a server of a campaign is started with. */
  readonly environment: Readonly<Record<string, string>>;
  readonly knobs: readonly Knob[];
  readonly faults: readonly PlantedFault[];
  readonly gpu: GpuNeeds;
  /** Answers 200 once the model is loaded. */
  readonly readyPath: string;
  /** Whether an idle connection may be used again for the next request; see the engine's own note. */
  readonly connection: "keep-alive" | "close";
  /** How a request is taken back: all engines stop when the client hangs up. */
  readonly abort: "disconnect";
  readonly metrics: MetricsMap | null;
  /** The options are those that `describe` said the server knows. */
  readonly request: (
    request: Pick<ResolvedRequest, "prompt" | "maxTokens" | "cache">,
    options?: RequestOptions,
  ) => EngineCall;
  /** A reader for one stream. */
  readonly reader: () => EventReader;
  /** Reads the whole reply to a request for an embedding. Throws on what the dialect does not know. */
  readonly readEmbedding: (body: string) => EmbeddingReply;
  /** The message in the body of a reply with an HTTP error status. */
  readonly readError: (body: string) => string;
  /** `args` are the server's arguments where Crosstalk started it, else empty. */
  readonly describe: (client: EngineClient, args: readonly string[]) => Promise<EngineFacts>;
  /**
   * Puts an idle server into a fixed state, as far as a flush leaves one: which slot is next, for instance. Without it
   * the same trace may run differently on a fresh and on a used server. Null where nothing of the kind is left.
   */
  readonly arrange: ((client: EngineClient, facts: EngineFacts) => Promise<void>) | null;
  /** Empties the cache once the running requests let go of it; returns what the engine said. Throws if it refused. */
  readonly flush: (client: EngineClient, facts: EngineFacts) => Promise<string>;
}
