/** Threads that share the zoo's work: each takes the piece that has waited longest, and ends when none is left. */

import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import { nameOfPiece, type Piece, type ResultOf } from "../zoo/piece.ts";

/** What a thread is started with. */
export interface ThreadData {
  /** Folder of further faults: functions cannot be handed to a thread, so it loads them itself. */
  readonly faults: string | undefined;
}

export interface Done<P extends Piece> {
  readonly result: ResultOf<P>;
  /** Processor time that it took, ms. */
  readonly ms: number;
}

interface Job {
  readonly piece: Piece;
  resolve(done: Done<Piece>): void;
  reject(error: Error): void;
}

/** TypeScript in the repository, JavaScript in the package. */
const THREAD = new URL(`./zoo-thread${extname(import.meta.url)}`, import.meta.url);

export class ZooThreads {
  readonly #most: number;
  readonly #data: ThreadData;
  readonly #threads = new Set<Worker>();
  readonly #waiting: Job[] = [];

  /** @param most threads at once */
  constructor(most: number, data: ThreadData) {
    this.#most = most;
    this.#data = data;
  }

  /** Rejects where the piece throws. */
  workOff<P extends Piece>(piece: P): Promise<Done<P>> {
    const done = new Promise<Done<Piece>>((resolve, reject) => this.#waiting.push({ piece, resolve, reject }));
    if (this.#threads.size < this.#most) this.#start();
    return done as Promise<Done<P>>;
  }

  /** Ends all threads, in the middle of their pieces too. */
  async close(): Promise<void> {
    this.#waiting.length = 0;
    await Promise.all([...this.#threads].map((thread) => thread.terminate()));
  }

  #start(): void {
    const thread = new Worker(THREAD, { workerData: this.#data });
    this.#threads.add(thread);
    let job: Job | undefined;
    const next = () => {
      job = this.#waiting.shift();
      if (job !== undefined) thread.postMessage(job.piece);
      else void thread.terminate();
    };
    const fail = (reason: string) => job?.reject(new Error(`${nameOfPiece(job.piece)}: ${reason}`));
    thread.on("message", (done: Done<Piece>) => {
      job?.resolve(done);
      next();
    });
    thread.on("error", (error) => fail(error instanceof Error ? (error.stack ?? error.message) : String(error)));
    thread.on("exit", (code) => {
      this.#threads.delete(thread);
      fail(`its thread ended with code ${code}`);
    });
    next();
  }
}
