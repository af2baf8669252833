/** Virtual time: a queue of actions, each due at a microsecond. Nothing in the lab asks a real clock. */

import { type Random, seededRandom } from "../random.ts";

/**
 * Which of two actions due at the same microsecond comes first: what memory copies have brought is there before compute
 * looks at it. Within a phase, first asked is first done.
 */
export type Phase = "copy" | "compute";

interface Due {
  readonly time: number;
  readonly rank: number;
  readonly order: number;
  readonly action: () => void;
}

/** A discrete-event clock. Times are whole microseconds from the engine's start. */
export class VirtualClock {
  #now = 0;
  #asked = 0;
  /** A binary heap: the next action is the first. */
  readonly #heap: Due[] = [];
  /** Null: everything takes exactly its mean. */
  #random: Random | null = null;

  /** @param schedulerSeed as for `vary` */
  constructor(schedulerSeed: number | null = null) {
    this.vary(schedulerSeed);
  }

  /** From now on times vary around their means by this seed; null: they do not. */
  vary(schedulerSeed: number | null): void {
    this.#random = schedulerSeed === null ? null : seededRandom(schedulerSeed);
  }

  /** Microseconds that something takes this time: between half its mean and one and a half, each as likely. */
  taking(mean: number): number {
    return this.#random === null ? mean : Math.round(mean * (0.5 + this.#random.next()));
  }

  get now(): number {
    return this.#now;
  }

  /** When the next action is due; null when nothing is under way. */
  get nextAt(): number | null {
    return this.#heap[0]?.time ?? null;
  }

  /** Asks for an action at `time`, which is not in the past. */
  at(time: number, phase: Phase, action: () => void): void {
    if (time < this.#now) throw new Error(`asked at ${this.#now} µs for ${time} µs: time runs forward`);
    const heap = this.#heap;
    const due = { time, rank: phase === "copy" ? 0 : 1, order: this.#asked++, action };
    let child = heap.push(due) - 1;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (!before(due, heap[parent]!)) break;
      heap[child] = heap[parent]!;
      child = parent;
    }
    heap[child] = due;
  }

  /** Does the next action. */
  step(): void {
    const heap = this.#heap;
    const first = heap[0];
    if (first === undefined) return;
    const last = heap.pop()!;
    if (heap.length > 0) {
      let parent = 0;
      for (;;) {
        let child = 2 * parent + 1;
        if (child >= heap.length) break;
        if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
        if (!before(heap[child]!, last)) break;
        heap[parent] = heap[child]!;
        parent = child;
      }
      heap[parent] = last;
    }
    this.#now = first.time;
    first.action();
  }

  /** Moves time on to `time`, when nothing is due before. */
  pass(time: number): void {
    if (this.nextAt !== null && this.nextAt < time) throw new Error(`an action is due at ${this.nextAt} µs`);
    this.#now = Math.max(this.#now, time);
  }
}

function before(a: Due, b: Due): boolean {
  return (
    a.time - b.time < 0 || (a.time === b.time && (a.rank - b.rank < 0 || (a.rank === b.rank && a.order < b.order)))
  );
}
