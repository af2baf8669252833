/** The feed-forward part of one layer, as a Llama has it, or with a router as Mixtral. */

import type { FeedForward, RoutedFeedForward } from "../feed-forward.ts";
import { EXPERTS_PER_TOKEN } from "../shape.ts";
import { add, multiply, normalise, type Rounding, type SparseMatrix, sparse } from "./arithmetic.ts";

type SparseFeedForward = Readonly<Record<keyof FeedForward, SparseMatrix>>;

export class ReferenceFeedForward {
  readonly #round: Rounding;
  readonly #router: SparseMatrix | null;
  readonly #experts: readonly SparseFeedForward[];
  /** Whether all that it adds is zero. */
  readonly #idle: boolean;

  constructor({ router, experts }: RoutedFeedForward, round: Rounding) {
    this.#round = round;
    this.#router = router && sparse(router, round);
    this.#experts = experts.map(({ gate, up, down }) => ({
      gate: sparse(gate, round),
      up: sparse(up, round),
      down: sparse(down, round),
    }));
    this.#idle = this.#experts.every(({ down }) => down.values.length === 0);
  }

  /** Adds what it makes of a position's stream. */
  addTo(stream: Float64Array): void {
    if (this.#idle) return;
    const round = this.#round;
    const input = normalise(stream, round);
    if (this.#router === null) {
      add(stream, swiGlu(this.#experts[0]!, input, round), round);
      return;
    }
    const sum = new Float64Array(stream.length);
    for (const [e, weight] of chosen(multiply(this.#router, input, round)))
      for (const [i, value] of swiGlu(this.#experts[e]!, input, round).entries()) sum[i]! += weight * value;
    add(stream, sum.map(round), round);
  }
}

function swiGlu(matrices: SparseFeedForward, input: Float64Array, round: Rounding): Float64Array {
  const gate = multiply(matrices.gate, input, round);
  const up = multiply(matrices.up, input, round);
  const inner = gate.map((g, i) => round(round(g / (1 + Math.exp(-g))) * up[i]!));
  return multiply(matrices.down, inner, round);
}

/** The experts of the highest scores, and the softmax of these. */
function chosen(scores: Float64Array): readonly (readonly [expert: number, weight: number])[] {
  const top = [...scores.entries()].sort(([, a], [, b]) => b - a).slice(0, EXPERTS_PER_TOKEN);
  const sum = top.reduce((total, [, score]) => total + Math.exp(score - top[0]![1]), 0);
  return top.map(([expert, score]) => [expert, Math.exp(score - top[0]![1]) / sum] as const);
}
