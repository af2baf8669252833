/**
 * The one list of things that must not outlive Crosstalk: servers, containers, temporary folders.
 * They are stopped when a signal ends the program, and by force when it ends in any other way.
 */

export interface Leftover {
  /** Stops it in an orderly way. */
  stop(): Promise<void>;
  /** Ends it at once; all that is possible while the process exits. */
  endNow(): void;
}

const leftovers = new Set<Leftover>();
const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;
let installed = false;
let programDecides = false;

/**
 * For a program that ends its run itself when a signal comes, and stops its targets then. Counting the listeners of a
 * signal would not tell: libraries have theirs, which wait for everybody else's.
 */
export function leaveSignalsToProgram(): void {
  programDecides = true;
}

/** Has this stopped at the end, whatever the end is; returns what takes it off the list. */
export function stopAtExit(leftover: Leftover): () => void {
  install();
  leftovers.add(leftover);
  return () => leftovers.delete(leftover);
}

/** Stops everything on the list; errors of one do not keep the others running. */
export async function stopAll(): Promise<void> {
  await Promise.allSettled([...leftovers].map((leftover) => leftover.stop()));
}

function install(): void {
  if (installed) return;
  installed = true;
  // Also where an uncaught error ends the program.
  process.on("exit", () => {
    for (const leftover of leftovers) leftover.endNow();
  });
  for (const [signal, number] of Object.entries(SIGNALS)) {
    process.on(signal, () => {
      if (programDecides) return;
      void stopAll().finally(() => process.exit(128 + number));
    });
  }
}
