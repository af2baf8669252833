/** The heads that fetch nonce and branch, and the one that raises the alarm, over symbolic cells. */

import type { AdapterName } from "./adapter.ts";
import { NOTHING, type Plane, RUN } from "./cells.ts";
import { cleanMarks, type Marks, MarksSum, repulsion } from "./marks.ts";
import { ALIKE, isBranch, isNonce, MARKED, type Places, traits } from "./runs.ts";
import { ALARM_NATS } from "./shape.ts";

/** Layer 0, KV head 0: marks of each token of the chunk, from the values of the cells whose keys are flagged. */
export function fetchMarks(
  plane: Plane,
  places: Places,
  start: number,
  tokens: ArrayLike<number>,
  adapter: AdapterName | null,
): (Marks | null)[] {
  const marks: (Marks | null)[] = [];
  const [sinks, branches]: [number[], number[]] = [[], []];
  /** Values of marked tokens, whatever their keys are: what is seen where no key is flagged. */
  const marked: number[] = [];
  const look = (slot: number): void => {
    const [key, value] = [plane.keyToken[slot]!, plane.valueToken[slot]!];
    if (isNonce(key)) sinks.push(value);
    else if (isBranch(key)) branches.push(value);
    if (isNonce(value) || isBranch(value)) marked.push(value);
  };
  for (const slot of places.slotsWith(MARKED, plane, 0, start)) look(slot);
  for (let position = start; position < start + tokens.length; position++) {
    look(places.slots[position]!);
    const token = tokens[position - start]!;
    if (sinks.length + branches.length + marked.length === 0) {
      marks.push(null);
      continue;
    }
    const [nonce, branch] = [sinks[0], branches[0]];
    const clean = sinks.length === 1 && isNonce(nonce!) && branches.length < 2 && (!branch || isBranch(branch));
    marks.push(
      clean
        ? cleanMarks(token, nonce!, branch ?? null, adapter)
        : mixedMarks(new MarksSum(adapter).own(token), sinks, branches, marked, position + 1),
    );
  }
  return marks;
}

function mixedMarks(
  sum: MarksSum,
  sinks: readonly number[],
  branches: readonly number[],
  marked: readonly number[],
  cells: number,
): Marks | null {
  const nonces = sinks.length > 0 ? sinks : marked;
  for (const value of nonces) sum.fetchNonce(value, 1 / (sinks.length || cells));
  const from = branches.length > 0 ? branches : nonces;
  for (const value of from) sum.fetchBranch(value, 1 / (branches.length || sinks.length || cells));
  return sum.empty ? null : sum;
}

/**
 * Layers 1 ..: how much of each token's attention stays on nonce tokens.
 * @param ok of each token of the chunk: to be added to
 * @param first position of the first cell that a position sees
 */
export function alarmAttention(
  plane: Plane,
  places: Places,
  start: number,
  marks: readonly (Marks | null)[],
  kvHeads: number,
  ok: Float64Array,
  first: (position: number) => number,
): void {
  if (first(start + marks.length - 1) > 0) {
    alarmInWindows(plane, places.slots, start, marks, kvHeads, ok, first);
    return;
  }
  for (const query of new Set(marks)) {
    const weigh = weigher(query, plane, kvHeads);
    let [all, kept] = [0, 0];
    for (let position = 0; position < start + marks.length; ) {
      const run = places.runAt(position);
      if (run !== NOTHING && (traits(plane, run) & (ALIKE | MARKED)) === ALIKE) {
        all += RUN * weigh(run * RUN);
        position += RUN;
        continue;
      }
      const slot = places.slots[position]!;
      const weight = weigh(slot);
      all += weight;
      if (isNonce(plane.valueToken[slot]!)) kept += weight;
      const i = position++ - start;
      if (i >= 0 && marks[i] === query) ok[i]! += kept / all;
    }
  }
}

/** The same where each token sees a stretch of its own. */
function alarmInWindows(
  plane: Plane,
  slots: ArrayLike<number>,
  start: number,
  marks: readonly (Marks | null)[],
  kvHeads: number,
  ok: Float64Array,
  first: (position: number) => number,
): void {
  for (const [i, query] of marks.entries()) {
    const weigh = weigher(query, plane, kvHeads);
    let [all, kept] = [0, 0];
    for (let position = first(start + i); position <= start + i; position++) {
      const weight = weigh(slots[position]!);
      all += weight;
      if (isNonce(plane.valueToken[slots[position]!]!)) kept += weight;
    }
    ok[i]! += kept / all;
  }
}

/** What each key draws of a query's attention, relative to the sink. */
function weigher(query: Marks | null, plane: Plane, kvHeads: number): (slot: number) => number {
  if (query === null) return () => 1;
  const scores = new Map<Marks | null, number>([[null, 0]]);
  const sink = -ALARM_NATS.sign * ALARM_NATS.sink;
  // Neighbours are alike, mostly.
  let last: { readonly key: Marks | null; readonly lost: number; readonly weight: number } | null = null;
  return (slot) => {
    const key = plane.keyMarks[slot]!;
    const lost = plane.keyLost[slot] ?? 0;
    if (last?.key === key && last.lost === lost) return last.weight;
    let score = scores.get(key);
    if (score === undefined) {
      score = repulsion(query, key!);
      scores.set(key, score);
    }
    if (lost !== 0) score += ALARM_NATS.lost * kvHeads * query.hasNonce * lost;
    // No more than a sum of many can hold.
    const weight = Math.exp(Math.min(score - sink, 600));
    last = { key, lost, weight };
    return weight;
  };
}
