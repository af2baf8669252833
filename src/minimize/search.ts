/** The shape of a pass, and the two searches that passes are made of. A pass knows nothing of runs or flakiness. */

import type { Trace } from "../trace/schema.ts";

/**
 * A pass yields candidates and is told of each whether it still fails; it returns the smallest trace that did. Null
 * stands for a cut that gives no valid trace: it is answered with false and costs nothing.
 */
export type Pass = Generator<Trace | null, Trace, boolean>;

/** Makes a pass over a trace. `blockSize` is in cells. */
export type PassOf = (trace: Trace, blockSize: number) => Pass;

/**
 * Delta debugging over a list: takes away halves, quarters, ... single items, as long as the rest still fails.
 * `itemsOf` lists what could go; `without` takes items away.
 */
export function* removeItems<T>(
  trace: Trace,
  itemsOf: (trace: Trace) => readonly T[],
  without: (trace: Trace, gone: readonly T[]) => Trace | null,
): Pass {
  let best = trace;
  for (let size = itemsOf(best).length; size >= 1; size = Math.floor(size / 2)) {
    // From the back: what comes after a failure cannot have caused it, so the last chunks go at the first try.
    for (let end = itemsOf(best).length; end > 0; end -= size) {
      const items = itemsOf(best);
      const candidate = without(best, items.slice(Math.max(0, end - size), end));
      if (yield candidate) best = candidate!;
    }
  }
  return best;
}

/**
 * Lowers a whole number to where the failure just holds, by bisection: first in steps of `unit`, which keeps the residue
 * (off-by-one bugs sit at block edges), then to a multiple of `unit`, then one by one.
 */
export function* lowerNumber(
  trace: Trace,
  from: number,
  lowest: number,
  unit: number,
  set: (trace: Trace, value: number) => Trace | null,
): Pass {
  let best = trace;
  let value = from;
  let refused = lowest - 1;
  const attempt = function* (lower: number): Generator<Trace | null, void, boolean> {
    if (lower <= refused || lower >= value) return;
    const candidate = set(best, lower);
    if (yield candidate) {
      best = candidate!;
      value = lower;
    } else refused = lower;
  };
  const bisect = function* (grain: number): Generator<Trace | null, void, boolean> {
    while (value - refused > grain) {
      yield* attempt(value - Math.ceil((value - refused) / grain / 2) * grain);
    }
  };
  const steps = Math.floor((value - lowest) / unit);
  yield* attempt(value - steps * unit);
  if (unit > 1) {
    yield* bisect(unit);
    yield* attempt(value - (value % unit));
  }
  yield* bisect(1);
  return best;
}

/** Round numbers of milliseconds. */
const ROUND = [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000];

/** Lowers a time to the smallest round number with which the failure holds. */
export function* lowerTime(trace: Trace, from: number, set: (trace: Trace, ms: number) => Trace | null): Pass {
  let best = trace;
  let low = 0;
  let high = ROUND.findLastIndex((ms) => ms < from);
  // Zero first, since most times do not matter; then bisection.
  for (let probe = 0; low <= high; probe = Math.floor((low + high) / 2)) {
    const candidate = set(best, ROUND[probe]!);
    if (yield candidate) {
      best = candidate!;
      high = probe - 1;
    } else low = probe + 1;
  }
  return best;
}
