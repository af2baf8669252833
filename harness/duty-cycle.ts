/** Leaves a process a share of the time: it is stopped and continued by turns. */

const PERIOD_MS = 20;

export class DutyCycle {
  readonly #signal: (signal: "SIGSTOP" | "SIGCONT") => void;
  #period: NodeJS.Timeout | null = null;
  #rest: NodeJS.Timeout | null = null;

  constructor(signal: (signal: "SIGSTOP" | "SIGCONT") => void) {
    this.#signal = signal;
  }

  /** @param share of each period in which the process runs, 0 to 1 */
  start(share: number): void {
    this.stop();
    const turn = () => {
      this.#signal("SIGSTOP");
      this.#rest = setTimeout(() => this.#signal("SIGCONT"), (1 - share) * PERIOD_MS);
    };
    this.#period = setInterval(turn, PERIOD_MS);
    turn();
  }

  /** Lets it run all the time. Harmless where it does. */
  stop(): void {
    if (this.#period === null) return;
    clearInterval(this.#period);
    clearTimeout(this.#rest ?? undefined);
    this.#period = null;
    this.#signal("SIGCONT");
  }
}
