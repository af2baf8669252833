/** The server's process ended while a trace ran. */

import { CrosstalkError } from "../src/errors.ts";
import type { History } from "../src/history/schema.ts";
import { lastLines } from "./log-tail.ts";

/** ENGINE_LOST, with what was recorded until then: a history without its `end` event. */
export class EngineLostError extends CrosstalkError {
  readonly partial: History;

  constructor(partial: History, how: string, logs: readonly string[]) {
    super(
      "ENGINE_LOST",
      `the server ended ${how} while trace ${partial.header.trace.name} ran; ${lastLines(logs)}`,
      "A trace that ends a server is a finding of its own: run it again on a fresh server, and send its log along.",
    );
    this.name = "EngineLostError";
    this.partial = partial;
  }
}
