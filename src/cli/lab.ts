/** `crosstalk lab`: the embedded lab behind HTTP, so that a lab repro runs like any other. */

import { once } from "node:events";
import { EXIT } from "./exit.ts";
import { withInterrupt } from "./interrupt.ts";

export interface LabCommandOptions {
  readonly port: number;
  readonly topology: "single" | "pd";
  readonly fault?: string;
}

/** Serves until Ctrl-C. */
export async function lab(options: LabCommandOptions): Promise<number> {
  const { serveLab } = await import("../../harness/lab-http.ts");
  return withInterrupt(async (signal) => {
    const { port, topology, fault = null } = options;
    const server = await serveLab({ port, lab: { topology, fault } });
    process.stderr.write(
      `crosstalk: lab (${topology}, ${fault ? `planted fault ${fault}` : "no fault"}) on ${server.url}; Ctrl-C ends it\n`,
    );
    if (!signal.aborted) await once(signal, "abort");
    await server.close();
    return EXIT.clean;
  });
}
