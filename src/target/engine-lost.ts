/** The server's process ended while a trace ran. */

import { CrosstalkError } from "../errors.ts";
import type { History } from "../history/schema.ts";

/** ENGINE_LOST, with what was recorded until then: a history whose last event is `lost`. */
export class EngineLostError extends CrosstalkError {
  readonly partial: History;

  /**
   * @param recorded what was recorded until then
   * @param how how the process ended
   * @param said what it wrote last
   */
  constructor({ header, events }: History, how: string, said: string) {
    super(
      "ENGINE_LOST",
      `the server ended ${how} while trace ${header.trace.name} ran; ${said}`,
      "A trace that ends a server is a finding of its own: replay it on a fresh server, and send the server's log along.",
    );
    this.name = "EngineLostError";
    this.partial = { header, events: [...events, { t: events.at(-1)?.t ?? 0, e: "lost", how, said }] };
  }
}
