/**
 * Measures what each read sees, by the plain forward pass over the written weights, and writes docs/reads.md.
 * usage: node bench/reads.ts [--cases 20] [--contexts 64,256,1024,4096] [--far 16384,131072] [--out docs/reads.md]
 */

import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { seededRandom } from "../src/random.ts";
import { adapterWeights } from "../src/tracer/adapter-weights.ts";
import { tracerGguf } from "../src/tracer/gguf.ts";
import { bf16, exact, f16, ReferenceAdapter, ReferenceModel } from "../src/tracer/reference/forward.ts";
import { readGguf, weightsOfGguf } from "../src/tracer/reference/read-gguf.ts";
import { DEFAULT_SHAPE, layersOf, type TracerShape, tracerShape } from "../src/tracer/shape.ts";
import { tracerWeights } from "../src/tracer/weights.ts";
import { CORRUPTIONS, type Corruption, type Scope } from "./reads/corruptions.ts";
import { far } from "./reads/far.ts";
import { cleanMargin, isFound, KIND_OF, READS, type ReadName } from "./reads/measure.ts";
import {
  type Cell,
  type FarMargin,
  LONG_CONTEXT,
  type Margin,
  NARROW_ANSWERS,
  type Row,
  readsPage,
  shapeTitle,
} from "./reads/page.ts";
import { type Kind, Subject } from "./reads/subject.ts";

const { values } = parseArgs({
  options: {
    cases: { type: "string", default: "20" },
    contexts: { type: "string", default: "64,256,1024,4096" },
    far: { type: "string", default: "16384,131072" },
    out: { type: "string", default: "docs/reads.md" },
  },
});
const cases = Number(values.cases);
const contexts = values.contexts.split(",").map(Number);

const SHAPES: readonly TracerShape[] = [DEFAULT_SHAPE, tracerShape({ readLayers: 6, kvHeads: 2 })];
const ROUNDINGS = { exact, bf16, f16 } as const;
/** Cells of a prompt of which each can be found. */
const DISTINCT_CONTEXT = 225;
/** The scan's sharpest case: its smallest sighting. */
const ONE_CELL = CORRUPTIONS.find((c) => c.cells === 1 && c.part === "both")!;
const ONE_KEY = CORRUPTIONS.find((c) => c.cells === 1 && c.part === "key")!;

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
    const adapter = new ReferenceAdapter(adapterWeights(tracerWeights(shape, "neighbours"), "a1"), round);
    for (const context of contexts) {
      const since = performance.now();
      const subjects = new Map<Kind, Subject>();
      for (const kind of ["plain", "marked", "distinct"] as const) {
        if (kind === "distinct" && context > DISTINCT_CONTEXT) continue;
        subjects.set(kind, new Subject(model, adapter, context, context + layersOf(shape), kind));
      }
      const plain = subjects.get("plain")!;
      margins.push({
        shape,
        context,
        rounding,
        scan: cleanMargin(plain, "scan", 1, seededRandom(1)),
        narrow: cleanMargin(plain, "narrow", NARROW_ANSWERS, seededRandom(2)),
        marked: cleanMargin(subjects.get("marked")!, "narrow", NARROW_ANSWERS, seededRandom(2)),
        oneCell: measure(plain, ONE_CELL, "one-layer", "scan", 3),
        oneKey: measure(subjects.get("marked")!, ONE_KEY, "one-layer", "alarm", 4),
      });
      if (rounding === "exact") {
        let seed = context * 1000;
        const add = (corruption: Corruption | null, scope: Scope) => {
          for (const read of READS) {
            const subject = subjects.get(KIND_OF[read]);
            const cell = subject ? measure(subject, corruption, scope, read, ++seed) : { found: 0, cases: 0 };
            rows.push({ shape, context, corruption, scope, read, cell });
          }
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
const fars: FarMargin[] = [];
for (const [rounding, round] of Object.entries(ROUNDINGS)) {
  const model = new ReferenceModel(weightsOfGguf(readGguf(Buffer.concat(tracerGguf(DEFAULT_SHAPE)))), round);
  for (const context of values.far.split(",").filter(Boolean).map(Number)) {
    const since = performance.now();
    const measured = far(model, context);
    fars.push({ ...measured, rounding, seconds: (performance.now() - since) / 1000 });
    process.stderr.write(`far, ${rounding}, ${JSON.stringify(fars.at(-1))}\n`);
  }
}
const seconds = (performance.now() - started) / 1000;
const command = `node bench/reads.ts --cases ${cases} --contexts ${contexts.join(",")} --far ${values.far}`;
writeFileSync(values.out, readsPage({ command, seconds, contexts, rows, margins, fars }));
process.stdout.write(`${values.out} written in ${seconds.toFixed(0)} s\n`);
