/** The output folder: traces, histories and findings are on disk before anybody hears of them. */

import { appendFileSync, existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Finding } from "../check/finding.ts";
import type { Run } from "../check/property.ts";
import { CrosstalkError } from "../errors.ts";
import { formatHistory } from "../history/jsonl.ts";
import { reproFolder } from "../report/repro-folder.ts";
import { formatTrace } from "../trace/read.ts";
import { outputFile } from "./output.ts";
import { PAGE_FILE, RUNS_FILE, SUMMARY_FILE } from "./saved-campaign.ts";

/** A run on disk that may be thrown away. */
interface Spare {
  readonly name: string;
  readonly bytes: number;
}

export class Store {
  readonly folder: string;
  readonly #maxBytes: number;
  /** Runs in which no law broke, oldest first. */
  #spare: Spare[] = [];
  #bytes = 0;
  #traces = 0;
  #runsLeftOut = 0;

  /**
   * Makes the folder, which must not hold an earlier campaign unless that may go (`replace`), and proves that it can be written before anything runs.
   * @param options.maxBytes clean runs go, oldest first, where the folder would hold more; findings never do
   * @throws CrosstalkError OUTPUT_NOT_WRITABLE
   */
  constructor(folder: string, { maxBytes = Number.POSITIVE_INFINITY, replace = false } = {}) {
    this.folder = folder;
    this.#maxBytes = maxBytes;
    const earlier = ["runs", "findings", RUNS_FILE, SUMMARY_FILE, PAGE_FILE].map((part) => join(folder, part));
    if (replace) for (const path of earlier) rmSync(path, { recursive: true, force: true });
    if (["findings", RUNS_FILE].some((part) => existsSync(join(folder, part)))) {
      const hint = "Choose a new folder with --out, or move the old one away.";
      throw new CrosstalkError("OUTPUT_NOT_WRITABLE", `${folder} holds an earlier campaign`, hint);
    }
    this.write("started", "");
    rmSync(join(folder, "started"));
  }

  /** Writes one file below the folder. @throws CrosstalkError OUTPUT_NOT_WRITABLE */
  write(path: string, content: string | Uint8Array): void {
    this.#put(path, content, writeFileSync);
  }

  /** Adds to one file below the folder. @throws CrosstalkError OUTPUT_NOT_WRITABLE */
  append(path: string, content: string): void {
    this.#put(path, content, appendFileSync);
  }

  #put<Content extends string | Uint8Array>(
    path: string,
    content: Content,
    write: (path: string, content: Content) => void,
  ): void {
    const hint = "Choose a folder with --out that is writable and has room. What was written before is still there.";
    outputFile(join(this.folder, path), content, hint, write);
    this.#bytes += Buffer.byteLength(content);
  }

  /** Runs that were thrown away. */
  get runsLeftOut(): number {
    return this.#runsLeftOut;
  }

  /** The trace and history of one run of a campaign. @param clean whether no law broke in it */
  run(run: Run, clean: boolean): void {
    this.#traces++;
    const name = `runs/${String(this.#traces).padStart(4, "0")}`;
    const before = this.#bytes;
    this.write(`${name}.history.jsonl`, formatHistory(run.history));
    this.write(`${name}.trace.json`, formatTrace(run.trace));
    if (clean) this.#spare.push({ name, bytes: this.#bytes - before });
    this.#makeRoom();
  }

  folderOf(finding: Finding): string {
    return join(this.folder, "findings", finding.id);
  }

  /** Writes a finding's repro folder. */
  finding(finding: Finding): void {
    for (const [path, content] of reproFolder(finding)) this.write(join("findings", finding.id, path), content);
    this.#makeRoom();
  }

  #makeRoom(): void {
    while (this.#bytes > this.#maxBytes) {
      const oldest = this.#spare.shift();
      if (oldest === undefined) return;
      for (const end of ["history.jsonl", "trace.json"]) rmSync(join(this.folder, `${oldest.name}.${end}`));
      this.#bytes -= oldest.bytes;
      this.#runsLeftOut++;
    }
  }
}
