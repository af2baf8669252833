/** `--events`: what happens in a run, a line each, as it happens. */

import { closeSync, mkdirSync, openSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { CrosstalkError } from "../errors.ts";
import type { UntimedEvent } from "../report/events.ts";

export interface EventLog {
  /** @throws CrosstalkError OUTPUT_NOT_WRITABLE */
  write(event: UntimedEvent): void;
  close(): void;
}

/** For standard output. */
const DASH = "-";

/**
 * @param path of the file, `-` for standard output
 * @param clock milliseconds
 * @throws CrosstalkError OUTPUT_NOT_WRITABLE
 */
export function eventLog(path: string, clock: () => number = () => performance.now()): EventLog {
  const began = clock();
  const file = path === DASH ? null : attempt(path, () => open(path));
  return {
    write: ({ e, ...event }) => {
      const line = `${JSON.stringify({ e, t: Math.round(clock() - began), ...event })}\n`;
      if (file === null) process.stdout.write(line);
      else attempt(path, () => writeSync(file, line));
    },
    close: () => {
      if (file !== null) closeSync(file);
    },
  };
}

export const NO_EVENTS: EventLog = { write: () => {}, close: () => {} };

/** Whether the events take standard output, so that nothing else may stand there. */
export const takesOutput = (path: string | undefined): boolean => path === DASH;

function open(path: string): number {
  mkdirSync(dirname(path), { recursive: true });
  return openSync(path, "w");
}

function attempt<T>(path: string, act: () => T): T {
  try {
    return act();
  } catch (cause) {
    const message = `cannot write ${path}: ${(cause as Error).message}`;
    throw new CrosstalkError("OUTPUT_NOT_WRITABLE", message, "Choose a file with --events that is writable.", {
      cause,
    });
  }
}
