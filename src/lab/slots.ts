/**
 * Slots: each request runs in one of a fixed number, which keeps its cells when it has ended. The next one there goes on from
 * where its prompt parts from them. No two slots share cells; prompts that lose their slot may be saved in host memory.
 */

import type { KvCache } from "./kv-cache.ts";
import type { PromptCache } from "./prompt-cache.ts";
import type { Sequence } from "./sequence.ts";
import { type LastTurn, Sessions } from "./session.ts";

/** The share of a prompt that a slot must have, to be chosen for it before the one that is idle longest. */
const SIMILAR = 0.1;
/** The share of a slot's cells that must be of use to the next request, or they are saved and given up. */
const OF_USE = 0.5;

export class Slots extends Sessions {
  readonly #kv: KvCache;
  readonly #names: readonly string[];
  readonly #running = new Map<string, Sequence>();
  /** Sessions that asked for a slot of their own, in order of their first turns. */
  readonly #pinned: string[] = [];
  readonly prompts: PromptCache | null;

  /** @param prompts where prompts that lose their slot are saved; null: nowhere */
  constructor(kv: KvCache, count: number, prompts: PromptCache | null) {
    super(kv);
    this.#kv = kv;
    this.#names = Array.from({ length: count }, (_, i) => `slot ${i}`);
    this.prompts = prompts;
  }

  override nameOf({ slot }: Sequence): string | null {
    return slot;
  }

  override seat(sequence: Sequence): boolean {
    sequence.slot = this.choose(sequence);
    if (sequence.slot !== null && this.prompts !== null) this.#exchange(sequence, sequence.slot, this.prompts);
    return sequence.slot !== null;
  }

  override begin(sequence: Sequence): void {
    super.begin(sequence);
    this.#running.set(sequence.slot!, sequence);
  }

  override end(sequence: Sequence): void {
    if (sequence.slot !== null && this.#running.get(sequence.slot) === sequence) this.#running.delete(sequence.slot);
    sequence.slot = null;
  }

  /** The idle slot that has most of a prompt; else an empty one, else the one that is idle longest. Null: it must wait. */
  choose(sequence: Sequence): string | null {
    const idle = this.#names.filter((name) => !this.#running.has(name));
    if (sequence.session !== null) {
      const own = this.#slotOf(sequence.session);
      return idle.includes(own) ? own : null;
    }
    const empty = idle.find((name) => !this.turns.has(name));
    const longest = [...this.turns.keys()].find((name) => idle.includes(name));
    let [best, most] = [empty ?? longest ?? null, SIMILAR * sequence.tokens.length];
    for (const name of idle) {
      const turn = this.turns.get(name);
      const common = turn === undefined ? 0 : this.common(turn, sequence);
      if (common > most) [best, most] = [name, common];
    }
    return best;
  }

  /** A slot's cells are those of one adapter and salt, and of no use to a request that is not to read cached ones. */
  override common(turn: Pick<LastTurn, "tokens" | "root">, sequence: Sequence): number {
    return sequence.cacheable && turn.root === this.#kv.keyRoot(sequence) ? super.common(turn, sequence) : 0;
  }

  override computed(sequence: Sequence): number {
    return sequence.cacheable ? super.computed(sequence) : 0;
  }

  /** Saves what a slot has, where the next request has little use for it, and gives it what was saved of that request's prompt. */
  #exchange(sequence: Sequence, slot: string, prompts: PromptCache): void {
    const turn = this.turns.get(slot);
    const known = turn === undefined ? 0 : this.common(turn, sequence);
    if (turn !== undefined && known >= OF_USE * turn.tokens.length) return;
    if (turn !== undefined) prompts.save(turn, this.#kv.cells);
    this.restore(sequence, slot, known, prompts);
  }

  /** Puts the saved prompt that has most of a sequence into its slot. If none has more than the slot, that keeps what is of use. */
  restore(sequence: Sequence, slot: string, known: number, prompts: PromptCache): void {
    const saved = prompts.best((one) => this.common(one, sequence), known);
    if (saved === null && known > 0) this.rewind(sequence);
    else this.close(slot);
    const blocks = saved === null ? null : this.#kv.take(saved.places.length);
    if (saved === null || blocks === null) return;
    prompts.load(saved, this.#kv.cells, blocks);
    this.keepAs(slot, { tokens: saved.tokens, root: saved.root, blocks, published: 0 });
  }

  #slotOf(session: string): string {
    if (!this.#pinned.includes(session)) this.#pinned.push(session);
    return this.#names[this.#pinned.indexOf(session) % this.#names.length]!;
  }
}
