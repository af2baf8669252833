/** The last lines of a server's output, and all of them in a file if one is named. */

import { createWriteStream, type WriteStream } from "node:fs";
import { type Readable, Writable } from "node:stream";

const LINES_KEPT = 200;
/** A line without an end is cut here: a binary in the log must not fill the memory. */
const LINE_LIMIT = 4_000;

export class LogTail {
  #lines: string[] = [];
  #partial = "";
  readonly #file: WriteStream | null;

  constructor(file: string | null) {
    this.#file = file === null ? null : createWriteStream(file, { flags: "a" });
  }

  /** Reads a stream of text until it ends. */
  follow(stream: Readable): void {
    stream.on("data", (chunk: Buffer | string) => this.#add(chunk.toString()));
    stream.on("error", () => {});
  }

  /** The same, for whoever pushes the text. */
  readonly sink = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      this.#add(chunk.toString());
      done();
    },
  });

  get lines(): readonly string[] {
    return this.#partial === "" ? this.#lines : [...this.#lines, this.#partial];
  }

  close(): void {
    this.#file?.end();
  }

  #add(text: string): void {
    this.#file?.write(text);
    const lines = (this.#partial + text).split(/\r?\n/);
    this.#partial = lines.pop()!.slice(-LINE_LIMIT);
    this.#lines = [...this.#lines, ...lines.map((line) => line.slice(0, LINE_LIMIT))].slice(-LINES_KEPT);
  }
}

/** The end of a log as part of an error message. */
export function lastLines(lines: readonly string[], count = 12): string {
  const found = lines.filter((line) => line.trim() !== "").slice(-count);
  return found.length === 0 ? "it wrote nothing" : `its last lines:\n${found.map((line) => `  | ${line}`).join("\n")}`;
}
