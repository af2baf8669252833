/** Ctrl-C: the first ends the run in order, so that servers stop and what was found is kept; the second ends it at once. */

import { CrosstalkError } from "../errors.ts";
import { EXIT } from "./exit.ts";

export async function withInterrupt(act: (signal: AbortSignal) => Promise<number>): Promise<number> {
  const controller = new AbortController();
  const interrupt = () => {
    if (controller.signal.aborted) process.exit(EXIT.interrupted);
    process.stderr.write("\ncrosstalk: stopping; press Ctrl-C again to end at once\n");
    controller.abort(
      new CrosstalkError("INTERRUPTED", "stopped by the user", "What ran until then is in the output folder."),
    );
  };
  process.on("SIGINT", interrupt);
  process.on("SIGTERM", interrupt);
  try {
    return await act(controller.signal);
  } finally {
    process.off("SIGINT", interrupt);
    process.off("SIGTERM", interrupt);
  }
}
