/**
 * Reduces the same failing traces of the lab by Crosstalk's minimiser, by plain delta debugging over the steps, and by
 * fast-check's own shrinking; writes docs/reduction.md. Failures that show in each run, in half of them and in one of ten.
 * What is done is kept in --save, and an interrupted bench goes on from there: one reducer over all faults, then the next. On
 * Ctrl-C it ends what it is at and writes the page of what it has.
 * usage: node bench/reduce.ts [--traces 1] [--only pd-free-on-abort,lost-tail] [--by crosstalk] [--jobs 2]
 *        [--save crosstalk-out/reduction.jsonl] [--page docs/reduction.md]
 */

import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { wholeNumber } from "../src/cli/values.ts";
import { LAB_FAULTS } from "../src/lab/faults/index.ts";
import { reductionPage } from "./reduce/page.ts";
import type { Piece, ReducedFault } from "./reduce/piece.ts";
import { REDUCERS } from "./reduce/reducers.ts";

const { values } = parseArgs({
  options: {
    traces: { type: "string", default: "1" },
    only: { type: "string", default: LAB_FAULTS.map((fault) => fault.name).join(",") },
    by: { type: "string", default: REDUCERS.map((reducer) => reducer.name).join(",") },
    jobs: { type: "string", default: `${availableParallelism()}` },
    save: { type: "string", default: "crosstalk-out/reduction.jsonl" },
    page: { type: "string", default: "docs/reduction.md" },
  },
});

const only = values.only.split(",");
const traces = wholeNumber(values.traces);
const faults = LAB_FAULTS.filter(({ name }) => only.includes(name));
const pieces = values.by
  .split(",")
  .flatMap((by) =>
    faults.flatMap(({ name, topologies }) =>
      topologies.map((topology): Piece => ({ fault: name, topology, traces, by })),
    ),
  );

const done = new Map<string, ReducedFault>();
if (existsSync(values.save)) {
  for (const line of readFileSync(values.save, "utf8").trim().split("\n")) {
    const { of, reduced } = JSON.parse(line);
    done.set(of, reduced);
  }
}

let waiting = pieces.filter((piece) => !done.has(JSON.stringify(piece)));
process.once("SIGINT", () => {
  waiting = [];
});
mkdirSync(dirname(values.save), { recursive: true });
async function workOff(): Promise<void> {
  for (let piece = waiting.shift(); piece !== undefined; piece = waiting.shift()) {
    const thread = new Worker(new URL("./reduce/thread.ts", import.meta.url), { workerData: piece });
    const reduced = await new Promise<ReducedFault>((resolve, reject) => {
      thread.once("message", resolve);
      thread.once("error", reject);
    });
    const of = JSON.stringify(piece);
    done.set(of, reduced);
    appendFileSync(values.save, `${JSON.stringify({ of, reduced })}\n`);
    const sizes = reduced.traces.flatMap(({ modes }) => modes.map((r) => `${r.to.requests} in ${r.runs}`));
    process.stderr.write(
      `${piece.fault} in ${piece.topology} by ${piece.by}: ${sizes.join(", ") || "no trace that fails"}\n`,
    );
  }
}
await Promise.all(Array.from({ length: wholeNumber(values.jobs) }, workOff));

const reduced = pieces.flatMap((piece) => done.get(JSON.stringify(piece)) ?? []);
writeFileSync(values.page, reductionPage(reduced, traces));
