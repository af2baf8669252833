/** Waiting until a server answers. */

import { setTimeout as delay } from "node:timers/promises";
import { CrosstalkError } from "../src/errors.ts";
import { isReady } from "./engine-client.ts";
import type { EngineProfile } from "./engines/profile.ts";
import { lastLines } from "./log-tail.ts";

const POLL_MS = 50;

export interface Readiness {
  readonly baseUrl: string;
  readonly profile: EngineProfile;
  readonly timeoutMs: number;
  /** Rejects when the server ends before it is ready. */
  readonly ended: Promise<never>;
  readonly logs: () => readonly string[];
}

/** @throws CrosstalkError ENGINE_NOT_READY, or whatever `ended` rejects with */
export async function untilReady({ baseUrl, profile, timeoutMs, ended, logs }: Readiness): Promise<void> {
  const over = new AbortController();
  const poll = async () => {
    const deadline = performance.now() + timeoutMs;
    while (!over.signal.aborted && !(await isReady(baseUrl, profile))) {
      if (performance.now() > deadline) {
        throw new CrosstalkError(
          "ENGINE_NOT_READY",
          `the server did not answer 200 on ${profile.readyPath} within ${timeoutMs / 1000} s; ${lastLines(logs())}`,
          "Its log says why it is slow. A model of the tracer's size loads in seconds.",
        );
      }
      await delay(POLL_MS, undefined, { signal: over.signal });
    }
  };
  try {
    await Promise.race([ended, poll()]);
  } finally {
    over.abort();
  }
}
