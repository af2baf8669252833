/**
 * Prints how long `crosstalk --help` and `crosstalk demo` take from process start to process end. Asserts nothing.
 * usage: node bench/demo.ts [--runs 5]
 */

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

const { values } = parseArgs({ options: { runs: { type: "string", default: "5" } } });
const runs = Number(values.runs);
const main = join(import.meta.dirname, "../src/cli/main.ts");
const out = mkdtempSync(join(tmpdir(), "crosstalk-bench-"));

/** Seconds of each run, shortest first. */
function times(args: readonly string[]): number[] {
  const taken = Array.from({ length: runs }, () => {
    const start = performance.now();
    const { status, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: "utf8" });
    if (status !== 0) throw new Error(`crosstalk ${args.join(" ")} ended with ${status}: ${stderr}`);
    return (performance.now() - start) / 1000;
  });
  return taken.sort((a, b) => a - b);
}

const rows: [string, string[]][] = [
  ["--help", ["--help"]],
  ["demo", ["demo", "--out", join(out, "demo")]],
];
try {
  process.stdout.write(`seconds from process start to end, ${runs} runs\n`);
  for (const [name, args] of rows) {
    const taken = times(args);
    const [min, median, max] = [taken[0]!, taken[taken.length >> 1]!, taken.at(-1)!].map((s) => s.toFixed(2));
    process.stdout.write(`${name.padEnd(8)} min ${min}  median ${median}  max ${max}\n`);
  }
} finally {
  rmSync(out, { recursive: true, force: true });
}
