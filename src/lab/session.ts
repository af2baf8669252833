/**
 * Sessions: between two turns of a conversation the cells of the last one stay held, so that the next computes only what
 * is new, a block that is not full included. A turn whose prompt parts from the one before rewinds to that place.
 */

import type { KvCache } from "./kv-cache.ts";
import type { Sequence } from "./sequence.ts";

/** What a session keeps of its last turn. */
export interface LastTurn {
  /** Tokens whose cells it has. */
  readonly tokens: readonly number[];
  /** It is a holder of each. */
  readonly blocks: number[];
  /** The adapter and salt that its cells are of, as a prefix cache has them. */
  readonly root: string;
  /** How many of the blocks were offered to the prefix cache. */
  readonly published: number;
}

export class Sessions {
  readonly #kv: KvCache;
  /** By session, adapter and salt; the turn that ended longest ago first. */
  readonly turns = new Map<string, LastTurn>();
  /** The turn that is being resumed: it does not give way. */
  #spared: LastTurn | null = null;

  constructor(kv: KvCache) {
    this.#kv = kv;
  }

  /** Gives a waiting sequence a place to run in; false where there is none. Sessions need none. */
  seat(_: Sequence): boolean {
    return true;
  }

  /** A sequence runs: it holds all that it can use of the last turn, which is given up. */
  begin(sequence: Sequence): void {
    this.close(this.nameOf(sequence));
  }

  /** A sequence runs no longer. */
  end(_: Sequence): void {}

  /** What a sequence's session goes by, since whoever has another adapter or salt has other cells; null for none. */
  nameOf(sequence: Sequence): string | null {
    const { cacheable, choice, session } = sequence;
    return session === null || !cacheable || choice > 0 ? null : `${session} of ${this.#kv.keyRoot(sequence)}`;
  }

  /** Keeps the computed cells of a sequence that leaves, in place of the turn before it. */
  keep(sequence: Sequence): void {
    const name = this.nameOf(sequence);
    const computed = this.computed(sequence);
    if (name === null || computed === 0) return;
    const blocks = sequence.blocks.slice(0, this.#kv.blocksFor(computed));
    this.#kv.pool.hold(blocks);
    this.close(name);
    this.keepAs(name, {
      tokens: sequence.tokens.slice(0, computed),
      root: this.#kv.keyRoot(sequence),
      blocks,
      published: Math.min(sequence.published, blocks.length),
    });
  }

  /** Tokens of a sequence that leaves whose cells can be gone on from: also of one that is cut off, those that are computed. */
  computed({ computed }: Sequence): number {
    return computed;
  }

  /**
   * How many tokens of a sequence its session has the cells of, but for the last, whose output is wanted. The block that
   * it writes on in must be the session's own: what others may read is not written, it goes back to the block's beginning.
   */
  usable(sequence: Sequence): number {
    const turn = this.#turnOf(sequence);
    if (turn === undefined) return 0;
    const { blockSize } = this.#kv;
    const common = Math.min(this.common(turn, sequence), sequence.tokens.length - 1);
    const begun = common % blockSize;
    return begun === 0 || this.#isOwn(turn.blocks[(common - begun) / blockSize]!) ? common : common - begun;
  }

  /** Tokens with which both begin. */
  common({ tokens }: Pick<LastTurn, "tokens" | "root">, sequence: Sequence): number {
    const parted = tokens.findIndex((token, i) => token !== sequence.tokens[i]);
    return parted === -1 ? tokens.length : parted;
  }

  /** Drops all that a sequence cannot use of its session's last turn; returns what is left of it. */
  rewind(sequence: Sequence): LastTurn {
    const { blockSize } = this.#kv;
    const known = this.usable(sequence);
    const name = this.nameOf(sequence)!;
    const { tokens, blocks, published, root } = this.turns.get(name)!;
    const left = blocks.slice(0, this.#kv.blocksFor(known));
    this.#kv.pool.hold(left);
    this.close(name);
    return this.keepAs(name, {
      tokens: tokens.slice(0, known),
      root,
      blocks: left,
      published: Math.min(published, Math.floor(known / blockSize)),
    });
  }

  /** Takes blocks for a turn that is resumed: all other sessions may give way. */
  spare<T>(turn: LastTurn, take: () => T): T {
    this.#spared = turn;
    try {
      return take();
    } finally {
      this.#spared = null;
    }
  }

  /** Lets go of what a session has kept. */
  close(name: string | null): void {
    const turn = name === null ? undefined : this.turns.get(name);
    if (turn === undefined) return;
    this.turns.delete(name!);
    this.#kv.prefixes.unlock(turn);
    this.#kv.pool.release(turn.blocks);
  }

  /** Closes the session whose last turn ended longest ago; false if there is none. */
  closeOldest(): boolean {
    const oldest = [...this.turns].find(([, turn]) => turn !== this.#spared);
    if (oldest === undefined) return false;
    this.close(oldest[0]);
    return true;
  }

  /** Blocks that nobody but sessions holds. */
  get idleBlocks(): number {
    const holders = new Map<number, number>();
    for (const { blocks } of this.turns.values())
      for (const block of blocks) holders.set(block, (holders.get(block) ?? 0) + 1);
    return [...holders].filter(([block, count]) => this.#kv.pool.references(block) === count).length;
  }

  #turnOf(sequence: Sequence): LastTurn | undefined {
    const name = this.nameOf(sequence);
    return name === null ? undefined : this.turns.get(name);
  }

  protected keepAs(name: string, turn: LastTurn): LastTurn {
    this.turns.set(name, turn);
    this.#kv.prefixes.lock(turn, turn.blocks);
    return turn;
  }

  #isOwn(block: number): boolean {
    return this.#kv.pool.references(block) === 1 && !this.#kv.prefixes.holds(block);
  }
}
