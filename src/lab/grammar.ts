/**
 * A request's place in its grammar: what may be generated next depends on what it has generated so far.
 * Its counterparts are xgrammar's `GrammarMatcher` and SGLang's grammar objects.
 */

import type { Sentences } from "../trace/options.ts";
import { EOS } from "../tracer/vocabulary.ts";

export class GrammarMatcher {
  readonly sentences: Sentences;
  readonly #accepted: number[] = [];

  /** @param sentences those that it accepts, token by token */
  constructor(sentences: Sentences) {
    this.sentences = sentences;
  }

  /** Tokens that it has accepted. */
  get length(): number {
    return this.#accepted.length;
  }

  /** Ids that may come next: those by which its sentences go on. Behind a sentence's end that is the end token. */
  get allowed(): readonly number[] {
    const next = (sentence: readonly number[], i: number) => sentence[i] ?? EOS;
    const open = this.sentences.filter((sentence) => this.#accepted.every((token, i) => next(sentence, i) === token));
    return [...new Set(open.map((sentence) => next(sentence, this.#accepted.length)))];
  }

  /** Moves on by a token; false, and it stays where it is, if that may not come next. */
  accept(token: number): boolean {
    if (!this.allowed.includes(token)) return false;
    this.#accepted.push(token);
    return true;
  }

  /** Takes the last tokens back. */
  rollback(count: number): void {
    this.#accepted.splice(this.#accepted.length - count);
  }
}
