/** The output folder: traces, histories and findings are on disk before anybody hears of them. */

import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Finding } from "../check/finding.ts";
import type { Run } from "../check/property.ts";
import { CrosstalkError } from "../errors.ts";
import { formatHistory } from "../history/jsonl.ts";
import { reproFolder } from "../report/repro-folder.ts";
import { formatTrace } from "../trace/read.ts";

export class Store {
  readonly folder: string;
  #traces = 0;

  /**
   * Makes the folder, which must not hold an earlier campaign unless that may go (`replace`), and proves that it can be written before anything runs.
   * @throws CrosstalkError OUTPUT_NOT_WRITABLE
   */
  constructor(folder: string, { replace = false } = {}) {
    this.folder = folder;
    if (replace) for (const part of ["runs", "findings"]) rmSync(join(folder, part), { recursive: true, force: true });
    if (existsSync(join(folder, "findings")) || existsSync(join(folder, "runs/0001.trace.json"))) {
      const hint = "Choose a new folder with --out, or move the old one away.";
      throw new CrosstalkError("OUTPUT_NOT_WRITABLE", `${folder} holds an earlier campaign`, hint);
    }
    this.write("started", "");
    rmSync(join(folder, "started"));
  }

  /** Writes one file below the folder. @throws CrosstalkError OUTPUT_NOT_WRITABLE */
  write(path: string, content: string | Uint8Array): string {
    const file = join(this.folder, path);
    try {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, content);
    } catch (cause) {
      throw new CrosstalkError(
        "OUTPUT_NOT_WRITABLE",
        `cannot write ${file}: ${(cause as Error).message}`,
        "Choose a folder with --out that is writable and has room. What was written before is still there.",
        { cause },
      );
    }
    return file;
  }

  /** The trace and history of one run of a campaign; returns where the trace is. */
  run(run: Run): string {
    this.#traces++;
    const name = `runs/${String(this.#traces).padStart(4, "0")}`;
    this.write(`${name}.history.jsonl`, formatHistory(run.history));
    return this.write(`${name}.trace.json`, formatTrace(run.trace));
  }

  folderOf(finding: Finding): string {
    return join(this.folder, "findings", finding.id);
  }

  /** Writes a finding's repro folder. */
  finding(finding: Finding): void {
    for (const [path, content] of reproFolder(finding)) this.write(join("findings", finding.id, path), content);
  }
}
