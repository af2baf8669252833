/** Scenarios about places in the batch: rows that requests leave, and outputs of one step. */

import type { Aim } from "../aim.ts";
import { ELSEWHERE, NEIGHBOURS } from "../families.ts";
import { burstSize, type TraceLimits } from "../limits.ts";
import type { Scene } from "../scene.ts";
import { edgeOf, fillingPrompts, narrow, scan, writer } from "./parts.ts";

/**
 * Answers of different lengths, one row cancelled: rows leave the middle of the batch. When a second one has left it, two
 * requests come in. The first row has a twin.
 */
export function rowsOutOfOrder(limits: TraceLimits): Scene {
  const rows = Math.min(8, burstSize(limits, 1));
  const scene = writer(limits);
  const segment = (i: number) => scene.segment(`R${i}`, 2 * edgeOf(limits) + i, ELSEWHERE[i]!);
  for (let i = 0; i < rows; i++) {
    const tokens = 4 + ((i * 17) % 40);
    segment(i).send(`row${i}`, 0, [`R${i}`], i % 3 === 2 ? narrow("start", 0, tokens) : scan(i === 0 ? 32 : tokens));
    if (i === 0) scene.repeat("twin", 0, "row0");
  }
  scene.cancel("row1", 0, { afterTokens: 2 }).wait(`row${Math.min(5, rows - 1)}`, 0);
  for (const i of [rows, rows + 1]) segment(i).send(`row${i}`, 0, [`R${i}`], scan(12));
  return scene.finish("rows-out-of-order");
}

/**
 * Few narrow reads, which get grammars, among scans of other lengths: rows leave the middle of the batch, and plain
 * requests come into those that grammars had. Then prompts that fill the pool, so that the last one is preempted in the
 * middle of its sentence.
 */
export function grammarsInRows(limits: TraceLimits): Scene {
  const rows = Math.min(8, burstSize(limits, 1));
  const scene = writer(limits);
  const row = (i: number, aim: Aim) =>
    scene.segment(`R${i}`, 2 * edgeOf(limits) + i, ELSEWHERE[i]!).send(`row${i}`, 0, [`R${i}`], aim);
  for (let i = 0; i < rows; i++) {
    const tokens = 6 + ((i * 17) % 30);
    row(i, i % 3 === 2 ? narrow("start", 0, tokens) : scan(tokens));
    if (i === 0) scene.repeat("twin", 0, "row0");
  }
  scene.cancel("row1", 0, { afterTokens: 2 }).wait(`row${rows - 1}`, 0);
  for (const i of [rows, rows + 1, rows + 2]) row(i, scan(12));
  scene.wait(`row${rows + 2}`, 0);
  const { count, prompt, answer } = fillingPrompts(limits);
  for (let i = 0; i < count; i++) {
    const aim = i === count - 1 ? narrow("start", 0, Math.min(32, answer)) : scan(answer);
    scene.segment(`Q${i}`, prompt, ELSEWHERE[rows + 3 + i]!).send(`q${i}`, 1 + i, [`Q${i}`], aim);
  }
  return scene.finish("rows-out-of-order");
}

/** Embeddings of short prompts, some at once, so that a few end in one step, behind answers and a long prompt. */
export function embeddingsAtOnce(limits: TraceLimits): Scene {
  const edge = edgeOf(limits);
  const scene = writer(limits);
  for (let i = 0; i < 2; i++) scene.segment(`A${i}`, edge + i, NEIGHBOURS[i]!).send(`a${i}`, i, [`A${i}`], scan(48));
  scene.repeat("twin", 1, "a1").cancel("a0", 1, { afterTokens: 12 });
  for (let i = 0; i < 3; i++) {
    scene.segment(`L${i}`, 4 * edge + i, NEIGHBOURS[2 + i]!).send(`l${i}`, 2 + i, [`L${i}`], scan(4));
    for (let j = 0; j < 4; j++) {
      const n = 4 * i + j;
      scene.segment(`E${n}`, edge - 4 + j, ELSEWHERE[n]!).send(`e${n}`, 2 + i, [`E${n}`], scan(1), { embed: true });
    }
    scene.wait(`e${4 * i + 3}`, 2 + i);
  }
  return scene.wait("a1", 5).repeat("again", 5, "a1").finish("rows-out-of-order");
}
