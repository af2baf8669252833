/** A clock that stands still until a test moves it. */

import type { Clock } from "../clock.ts";

interface Timer {
  readonly time: number;
  readonly callback: () => void;
}

export class ManualClock implements Clock {
  #now = 0;
  readonly #timers = new Set<Timer>();
  readonly #watchers = new Map<number, () => void>();

  #onReading: () => void = () => {};

  /** Resolves when somebody next reads the clock. */
  read(): Promise<void> {
    return new Promise((resolve) => {
      this.#onReading = resolve;
    });
  }

  now(): number {
    this.#onReading();
    return this.#now;
  }

  at(time: number, callback: () => void): () => void {
    const timer = { time, callback };
    this.#timers.add(timer);
    this.#watchers.get(time)?.();
    if (time <= this.#now) queueMicrotask(() => this.moveTo(this.#now));
    return () => this.#timers.delete(timer);
  }

  /** Resolves once somebody waits for exactly this time. */
  scheduled(time: number): Promise<void> {
    if ([...this.#timers].some((timer) => timer.time === time)) return Promise.resolve();
    return new Promise((resolve) => this.#watchers.set(time, resolve));
  }

  /** Moves on, and calls back everything that is due, earliest first. */
  moveTo(time: number): void {
    for (;;) {
      const due = [...this.#timers].filter((t) => t.time <= time).sort((a, b) => a.time - b.time)[0];
      if (!due) break;
      this.#timers.delete(due);
      this.#now = Math.max(this.#now, due.time);
      due.callback();
    }
    this.#now = time;
  }
}
