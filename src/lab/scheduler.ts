/**
 * Decides what a worker's next step computes: running requests first, each with as much of its prompt as the budget
 * allows, then waiting ones. When the pool is full the least urgent request that came last is preempted: its cells are
 * swapped out, or computed anew later. Who lacks blocks that are still being stored in the host waits for them instead.
 */

import type { BatchRows } from "./batch-rows.ts";
import type { KvCache, ReportCacheEvent } from "./kv-cache.ts";
import type { Sequence } from "./sequence.ts";

/** The next tokens of a sequence that no step computes yet: known or awaited ones, and then drafts. */
export interface Chunk {
  readonly sequence: Sequence;
  readonly tokens: number;
}

export class Scheduler {
  /** By priority, and then in order of arrival; preempted requests come first. */
  readonly waiting: Sequence[] = [];
  /** By priority, and then in order of admission. */
  readonly running: Sequence[] = [];
  readonly #kv: KvCache;
  readonly #rows: BatchRows;
  readonly #stepTokens: number;
  readonly #report: ReportCacheEvent;

  constructor(kv: KvCache, rows: BatchRows, stepTokens: number, report: ReportCacheEvent) {
    this.#kv = kv;
    this.#rows = rows;
    this.#stepTokens = stepTokens;
    this.#report = report;
  }

  /** A preempted request, or one too many for the pool, waits for blocks. */
  get starved(): boolean {
    return this.waiting.some((sequence) => sequence.blocks.length === 0);
  }

  /** Puts a request in the queue, behind all that are as urgent. */
  enqueue(sequence: Sequence): void {
    insertBehind(this.waiting, sequence);
  }

  /**
   * The chunks of the next step; none if nothing can run.
   * @param ahead a step is under way: nobody can be preempted before it has ended
   */
  plan(ahead = false): Chunk[] {
    this.#admitPlaced();
    const chunks: Chunk[] = [];
    let budget = this.#stepTokens;
    let full = false;
    for (let i = 0; i < this.running.length && budget > 0; i++) {
      const sequence = this.running[i]!;
      // The end of a prompt that is embedded is under way: nothing comes behind it.
      if (sequence.pending === 0) continue;
      const tokens = Math.min(sequence.pending, budget);
      const grow = () => this.#kv.grow(sequence, this.#kv.lookahead(sequence.scheduled + tokens));
      let room = grow();
      full ||= !room;
      while (!room && !this.#kv.suffices) {
        if (ahead) return [];
        // The last one goes, and no chunk of it is planned yet: the loop has not come to it.
        if (this.preempt() === sequence) break;
        room = grow();
      }
      if (this.running[i] !== sequence) break;
      if (!room) continue;
      chunks.push({ sequence, tokens });
      budget -= tokens;
    }
    while (!full && budget > 0 && this.#rows.count < this.#rows.capacity) {
      const sequence = this.waiting[0];
      if (sequence === undefined || !this.#kv.admit(sequence, budget)) break;
      this.waiting.shift();
      this.#run(sequence);
      const tokens = Math.min(sequence.pending, budget);
      chunks.push({ sequence, tokens });
      budget -= tokens;
    }
    return chunks;
  }

  /** Takes a request out, wherever it is; it still has its blocks. */
  remove(sequence: Sequence): void {
    const waiting = this.waiting.indexOf(sequence);
    if (waiting !== -1) this.waiting.splice(waiting, 1);
    const running = this.running.indexOf(sequence);
    if (running !== -1) {
      this.running.splice(running, 1);
      this.#rows.remove(sequence);
    }
    this.#kv.swap?.forget(sequence);
  }

  /** Requests whose cells are already in the pool need a row only, so they never wait behind one that needs blocks. */
  #admitPlaced(): void {
    for (const sequence of this.waiting.filter(({ blocks }) => blocks.length > 0)) {
      if (this.#rows.count === this.#rows.capacity) return;
      this.waiting.splice(this.waiting.indexOf(sequence), 1);
      this.#run(sequence);
    }
  }

  #run(sequence: Sequence): void {
    insertBehind(this.running, sequence);
    this.#rows.add(sequence);
  }

  /** The last of the running requests gives its blocks back, and waits before all that are as urgent. */
  preempt(): Sequence {
    const sequence = this.running.pop()!;
    this.#rows.remove(sequence);
    this.#report("preemption", sequence.blocks, sequence.id);
    this.#kv.preempt(sequence);
    const behind = this.waiting.findIndex(({ priority }) => priority >= sequence.priority);
    this.waiting.splice(behind === -1 ? this.waiting.length : behind, 0, sequence);
    return sequence;
  }
}

function insertBehind(queue: Sequence[], sequence: Sequence): void {
  const last = queue.findLastIndex(({ priority }) => priority <= sequence.priority);
  queue.splice(last + 1, 0, sequence);
}
