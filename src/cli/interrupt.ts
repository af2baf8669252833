/** Ctrl-C: the first ends the run in order, so that servers stop and what was found is kept; the second ends it at once. */

import { setImmediate } from "node:timers/promises";
import { CrosstalkError } from "../errors.ts";
import { EXIT } from "./exit.ts";

/** SIGHUP too: a server must not outlive the terminal it was started from. */
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Lets signals in. A lab runs without ever waiting for anything, so that without this no signal is heard before it ends.
 */
export async function hearSignals(): Promise<void> {
  await setImmediate();
}

export async function withInterrupt(act: (signal: AbortSignal) => Promise<number>): Promise<number> {
  const controller = new AbortController();
  const interrupt = () => {
    if (controller.signal.aborted) process.exit(EXIT.interrupted);
    process.stderr.write("\ncrosstalk: stopping; press Ctrl-C again to end at once\n");
    controller.abort(
      new CrosstalkError("INTERRUPTED", "stopped by the user", "What ran until then is in the output folder."),
    );
  };
  for (const name of SIGNALS) process.on(name, interrupt);
  try {
    return await act(controller.signal);
  } finally {
    for (const name of SIGNALS) process.off(name, interrupt);
  }
}
