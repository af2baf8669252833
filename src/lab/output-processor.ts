/**
 * The streams of the requests under way, each by the id that the engine knows its request by. A client may give a request an
 * id that another one has: inside the engine each gets one of its own.
 */

import type { LabRequest } from "./engine.ts";
import { OutputStream } from "./output-stream.ts";

type Named = Pick<LabRequest, "id" | "requestId">;

/** Where the tokens of a request go. */
export interface Outputs {
  /** The request that gets them. */
  readonly to: string;
  /** By choice. */
  readonly streams: readonly OutputStream[];
}

export class OutputProcessor {
  readonly #interval: number;
  readonly #outputs = new Map<string, Outputs>();

  /** @param interval tokens that are streamed together */
  constructor(interval: number) {
    this.#interval = interval;
  }

  /** The client's id with something behind it that no other request has. */
  internalId({ id, requestId }: Named): string {
    return requestId == null ? id : `${requestId}/${id}`;
  }

  begin(request: Named, choices: number): void {
    const streams = Array.from({ length: choices }, () => new OutputStream(this.#interval));
    this.#outputs.set(this.internalId(request), { to: request.id, streams });
  }

  of(request: Named): Outputs | undefined {
    return this.#outputs.get(this.internalId(request));
  }

  end(request: Named): void {
    this.#outputs.delete(this.internalId(request));
  }
}
