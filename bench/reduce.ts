/**
 * Reduces the same failing traces of the lab by Crosstalk's minimiser, by plain delta debugging over the steps, and by
 * fast-check's own shrinking; writes docs/reduction.md. Failures that show in each run, in half of them and in one of ten.
 * usage: node bench/reduce.ts [--traces 1] [--only pd-free-on-abort,lost-tail] [--by crosstalk] [--page docs/reduction.md]
 */

import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { wholeNumber } from "../src/cli/values.ts";
import { LAB_FAULTS } from "../src/lab/faults/index.ts";
import { failingTraces } from "./reduce/failing.ts";
import { reductionPage } from "./reduce/page.ts";
import { REDUCERS } from "./reduce/reducers.ts";
import { MODES, type Reduced, reduceBy } from "./reduce/run.ts";

const { values } = parseArgs({
  options: {
    traces: { type: "string", default: "1" },
    only: { type: "string", default: LAB_FAULTS.map((fault) => fault.name).join(",") },
    by: { type: "string", default: REDUCERS.map((reducer) => reducer.name).join(",") },
    page: { type: "string", default: "docs/reduction.md" },
  },
});

const only = values.only.split(",");
const reducers = REDUCERS.filter(({ name }) => values.by.split(",").includes(name));
const reduced: Reduced[] = [];
for (const fault of LAB_FAULTS.filter(({ name }) => only.includes(name))) {
  for (const topology of fault.topologies) {
    for (const failing of await failingTraces(fault, topology, wholeNumber(values.traces))) {
      for (const mode of MODES) {
        for (const reducer of reducers) reduced.push(await reduceBy(reducer, failing, mode));
      }
      const sizes = reduced.slice(-MODES.length * reducers.length).map((r) => `${r.to.requests} in ${r.runs}`);
      process.stderr.write(`${failing.fault} ${topology}: ${failing.size.requests} requests to ${sizes.join(", ")}\n`);
      writeFileSync(values.page, reductionPage(reduced, values));
    }
  }
}
