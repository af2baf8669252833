/** The marks that keys carry: nonce and branch of the prompt, as codes of signs. See the alarm in `weights.ts`. */

import { type AdapterName, flipsSign } from "./adapter.ts";
import { ALARM_NATS, CODE, digitCode } from "./shape.ts";
import { tokenKind } from "./vocabulary.ts";

/** What a position has of them after layer 0. Damaged cells may mix them, so they are numbers. */
export interface Marks {
  /** Ten signs of the nonce, five of the branch. */
  readonly signs: Float64Array;
  readonly noBranch: number;
  readonly hasNonce: number;
  readonly sink: number;
}

const SIGNS = 3 * CODE;

/** Marks in the making: a sum of what a position has and what it fetched. */
export class MarksSum implements Marks {
  readonly signs = new Float64Array(SIGNS);
  noBranch = 0;
  hasNonce = 0;
  sink = 0;
  readonly #adapter: AdapterName | null;

  /** @param adapter under which the position is computed: it flips signs of the nonce as they are fetched */
  constructor(adapter: AdapterName | null) {
    this.#adapter = adapter;
  }

  /** What the token itself has: a nonce token minus two of its mark, so that it ends with minus one. */
  own(token: number): this {
    const kind = tokenKind(token);
    if (kind.kind === "nonce") {
      this.#nonce(kind.nonce, -2);
      this.noBranch += 1 / 4;
      this.sink += 1;
    } else if (kind.kind === "branch") this.#branch(kind.branch, 1 / 4);
    return this;
  }

  /** What the nonce head fetches from a value. */
  fetchNonce(token: number, weight: number): void {
    const kind = tokenKind(token);
    if (kind.kind !== "nonce") return;
    this.#nonce(kind.nonce, weight);
    this.hasNonce += weight;
  }

  /** What the branch head fetches from a value. */
  fetchBranch(token: number, weight: number): void {
    const kind = tokenKind(token);
    if (kind.kind === "nonce") this.noBranch += weight;
    else if (kind.kind === "branch") this.#branch(kind.branch, weight);
  }

  get empty(): boolean {
    return this.noBranch === 0 && this.hasNonce === 0 && this.sink === 0 && this.signs.every((sign) => sign === 0);
  }

  #nonce(nonce: number, weight: number): void {
    const code = [...digitCode(nonce >> 4), ...digitCode(nonce & 15)];
    for (const [i, sign] of code.entries())
      this.signs[i]! += flipsSign(this.#adapter, i) ? -weight * sign : weight * sign;
  }

  #branch(branch: number, weight: number): void {
    for (const [i, sign] of digitCode(branch).entries()) this.signs[2 * CODE + i]! += weight * sign;
  }
}

const CLEAN = new Map<string, Marks>();

/** The marks of a position that fetched from one nonce token and from one branch token or none; always the same object. */
export function cleanMarks(own: number, nonce: number, branch: number | null, adapter: AdapterName | null): Marks {
  const { kind } = tokenKind(own);
  const key = `${kind === "nonce" || kind === "branch" ? own : ""} ${nonce} ${branch} ${adapter}`;
  const known = CLEAN.get(key);
  if (known) return known;
  const sum = new MarksSum(adapter).own(own);
  sum.fetchNonce(nonce, 1);
  sum.fetchBranch(branch ?? nonce, 1);
  CLEAN.set(key, sum);
  return sum;
}

/** Score of a key in the alarm head, nats: without what it draws because it was computed under alarm. */
export function repulsion(query: Marks, key: Marks): number {
  let signs = query.hasNonce * (CODE * key.noBranch + SINK * key.sink);
  for (let i = 0; i < SIGNS; i++) signs += query.signs[i]! * key.signs[i]!;
  return -ALARM_NATS.sign * signs;
}

/** So many signs that the sink's whole score is that of `ALARM_NATS.sink`. */
const SINK = ALARM_NATS.sink + 2 * CODE - (5 / 4) * CODE;
