/** Scenarios of prompts that share a part, or a length, or all. */

import { SQUARE } from "../crossover.ts";
import { CENTRE, ELSEWHERE, NEIGHBOURS } from "../families.ts";
import type { TraceLimits } from "../limits.ts";
import type { Scene } from "../scene.ts";
import { cellsOf, edgeOf, narrow, scan, writer } from "./parts.ts";

/** Four of one prompt at once, of which the first is cancelled, then two more. */
export function twinsBurst(limits: TraceLimits): Scene {
  return writer(limits)
    .segment("P", cellsOf(limits, 0.6), CENTRE)
    .segment("S", 9, NEIGHBOURS[0]!)
    .send("t0", 0, ["P", "S"], scan(24))
    .cancel("t0", 0, { afterTokens: 3 })
    .repeat("t1", 0, "t0")
    .repeat("t2", 0, "t0")
    .repeat("t3", 1, "t0")
    .wait("t3", 1)
    .repeat("t4", 2, "t0")
    .repeat("t5", 2, "t0")
    .finish("twins");
}

/** A C is cancelled, A C and B D follow, and then B C and A D, once more by twins. */
export function crossover(limits: TraceLimits): Scene {
  const scene = writer(limits);
  for (const id of ["A", "B", "C", "D"] as const) scene.segment(id, cellsOf(limits, 0.45), SQUARE[id]);
  return scene
    .send("cancelled", 0, ["A", "C"], scan(48))
    .cancel("cancelled", 0, { afterTokens: 1 })
    .send("ac", 0, ["A", "C"], scan(16))
    .send("bd", 0, ["B", "D"], scan(16))
    .wait("bd", 0)
    .send("bc", 1, ["B", "C"], scan(16))
    .send("ad", 1, ["A", "D"], narrow("boundary", -2, 12))
    .repeat("twin", 1, "bc")
    .finish("crossover");
}

/**
 * Three conversations of one length, one after the other; the first comes back, by twins at once, and is cancelled once. Then
 * two prompts of one length that differ in their middle only.
 */
export function equalLengths(limits: TraceLimits): Scene {
  const scene = writer(limits);
  for (let i = 0; i < 3; i++) {
    scene.segment(`E${i}`, cellsOf(limits, 0.6) - 1, ELSEWHERE[i]!);
    scene.send(`e${i}`, i, [`E${i}`], scan(12)).wait(`e${i}`, i);
  }
  return scene
    .send("again", 3, ["E0"], scan(12))
    .repeat("twin", 3, "again")
    .wait("twin", 3)
    .send("cancelled", 4, ["E1"], scan(48))
    .cancel("cancelled", 4, { afterTokens: 2 })
    .send("who", 5, ["E1"], narrow("start", 0, 12))
    .wait("who", 5)
    .segment("P", edgeOf(limits), CENTRE)
    .segment("M0", edgeOf(limits) - 1, NEIGHBOURS[0]!)
    .segment("M1", edgeOf(limits) - 1, NEIGHBOURS[3]!)
    .segment("T", edgeOf(limits), NEIGHBOURS[6]!)
    .send("middle0", 6, ["P", "M0", "T"], scan(12))
    .wait("middle0", 6)
    .send("middle1", 6, ["P", "M1", "T"], scan(12))
    .finish("equal-lengths");
}
