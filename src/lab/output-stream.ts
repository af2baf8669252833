/** Tokens on their way to the client: the first goes out at once, later ones `interval` at a time. */
export class OutputStream {
  readonly #interval: number;
  #sent = 0;
  #pending: number[] = [];
  /** All tokens generated so far. */
  readonly tokens: number[] = [];

  constructor(interval: number) {
    this.#interval = interval;
  }

  /** Takes a token; returns what is to be sent now. */
  push(token: number): readonly number[] {
    this.tokens.push(token);
    this.#pending.push(token);
    return this.#sent > 0 && this.#pending.length < this.#interval ? [] : this.flush();
  }

  /** What still waits to be sent. */
  flush(): readonly number[] {
    const pending = this.#pending;
    this.#pending = [];
    this.#sent += pending.length;
    return pending;
  }
}
