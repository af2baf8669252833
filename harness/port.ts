/** TCP ports of this machine's loopback. */

import { createServer } from "node:net";
import { CrosstalkError } from "../src/errors.ts";

const HOST = "127.0.0.1";

function listen(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen({ port, host: HOST }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : port));
    });
  });
}

/** A port that nobody listens on. Somebody else may take it before it is used: then the server says so. */
export function freePort(): Promise<number> {
  return listen(0);
}

export async function portInUse(port: number): Promise<boolean> {
  try {
    await listen(port);
    return false;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EADDRINUSE") return true;
    throw error;
  }
}

/** @throws CrosstalkError PORT_IN_USE */
export async function requireFree(port: number): Promise<void> {
  if (await portInUse(port)) throw portTaken(port);
}

export function portTaken(port: number): CrosstalkError {
  return new CrosstalkError(
    "PORT_IN_USE",
    `port ${port} is in use by another program`,
    "Stop it, give another --port, or leave --port out: Crosstalk then takes a free one.",
  );
}
