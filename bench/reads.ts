/**
 * Measures what each read sees, by the plain forward pass over the written weights, and writes docs/reads.md.
 * usage: node bench/reads.ts [--cases 20] [--contexts 64,256,1024,4096] [--out docs/reads.md]
 */

import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { seededRandom } from "../src/random.ts";
import { tracerGguf } from "../src/tracer/gguf.ts";
import { bf16, exact, ReferenceModel } from "../src/tracer/reference/forward.ts";
import { readGguf, weightsOfGguf } from "../src/tracer/reference/read-gguf.ts";
import type { TracerShape } from "../src/tracer/shape.ts";
import { CORRUPTIONS, type Corruption, type Scope } from "./reads/corruptions.ts";
import { cleanMargin, isFound, READS, type ReadName } from "./reads/measure.ts";
import { type Cell, LONG_CONTEXT, type Margin, NARROW_ANSWERS, type Row, readsPage, shapeTitle } from "./reads/page.ts";
import { Subject } from "./reads/subject.ts";

const { values } = parseArgs({
  options: {
    cases: { type: "string", default: "20" },
    contexts: { type: "string", default: "64,256,1024,4096" },
    out: { type: "string", default: "docs/reads.md" },
  },
});
const cases = Number(values.cases);
const contexts = values.contexts.split(",").map(Number);

const SHAPES: readonly TracerShape[] = [
  { readLayers: 3, kvHeads: 1 },
  { readLayers: 6, kvHeads: 2 },
];
const ROUNDINGS = { exact, bf16 } as const;
/** The scan's sharpest case: its smallest sighting. */
const ONE_CELL = CORRUPTIONS.find((c) => c.cells === 1 && c.part === "both")!;

/** Random cases at a context length. */
const casesAt = (context: number): number => (context > LONG_CONTEXT ? Math.ceil(cases / 4) : cases);

function measure(subject: Subject, corruption: Corruption | null, scope: Scope, read: ReadName, seed: number): Cell {
  const random = seededRandom(seed);
  const cases = casesAt(subject.length);
  let found = 0;
  for (let i = 0; i < cases; i++) if (isFound(subject, corruption, scope, read, random)) found++;
  return { found, cases };
}

const rows: Row[] = [];
const margins: Margin[] = [];
const started = performance.now();
for (const shape of SHAPES) {
  const weights = weightsOfGguf(readGguf(Buffer.concat(tracerGguf(shape))));
  for (const [rounding, round] of Object.entries(ROUNDINGS)) {
    const model = new ReferenceModel(weights, round);
    for (const context of contexts) {
      const since = performance.now();
      const subject = new Subject(model, context, context + shape.readLayers);
      margins.push({
        shape,
        context,
        rounding,
        scan: cleanMargin(subject, "scan", 1, seededRandom(1)),
        narrow: cleanMargin(subject, "narrow", NARROW_ANSWERS, seededRandom(2)),
        oneCell: measure(subject, ONE_CELL, "one-layer", "scan", 3),
      });
      if (rounding === "exact") {
        let seed = context * 1000;
        const add = (corruption: Corruption | null, scope: Scope) => {
          for (const read of READS)
            rows.push({
              shape,
              context,
              corruption,
              scope,
              read,
              cell: measure(subject, corruption, scope, read, ++seed),
            });
        };
        add(null, "all");
        for (const corruption of CORRUPTIONS) {
          for (const scope of corruption.scopes) {
            if (scope !== "one-head" || shape.kvHeads > 1) add(corruption, scope);
          }
        }
      }
      const seconds = ((performance.now() - since) / 1000).toFixed(1);
      process.stderr.write(`${shapeTitle(shape)}, ${rounding}, context ${context}: ${seconds} s\n`);
    }
  }
}
const seconds = (performance.now() - started) / 1000;
const command = `node bench/reads.ts --cases ${cases} --contexts ${contexts.join(",")}`;
writeFileSync(values.out, readsPage({ command, seconds, contexts, rows, margins }));
process.stdout.write(`${values.out} written in ${seconds.toFixed(0)} s\n`);
