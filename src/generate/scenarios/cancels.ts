/** Scenarios of requests that are given up, in their prefill and in their answer, and of what comes after them. */

import { CENTRE, ELSEWHERE, NEIGHBOURS } from "../families.ts";
import { payloadRoom, type TraceLimits } from "../limits.ts";
import type { Scene, SceneWriter } from "../scene.ts";
import { cellsOf, narrow, scan, writer } from "./parts.ts";

/** Prompts are given up before their cells are all there, and each one's blocks go to another prompt at once. */
export function cancelInPrefill(limits: TraceLimits): Scene {
  const length = Math.floor(payloadRoom(limits) * 0.6);
  const scene = writer(limits);
  for (const [i, afterMs] of [4, 9, 16, 25].entries()) {
    scene
      .segment(`P${i}`, length - i, ELSEWHERE[2 * i]!)
      .segment(`V${i}`, length - 3 - i, ELSEWHERE[2 * i + 1]!)
      .send(`x${i}`, i, [`P${i}`], scan(48))
      .cancel(`x${i}`, i, { afterMs })
      .wait(`x${i}`, i)
      .send(`v${i}`, i, [`V${i}`], scan(24));
    if (i === 0) scene.repeat("twin", 0, "v0");
    scene.wait(`v${i}`, i);
  }
  return scene.finish("cancel-and-retry");
}

/** A request is cancelled in its answer; victims of other families take its cells; the prefix comes again. */
export function cancelThenVictim(limits: TraceLimits): Scene {
  const prefix = cellsOf(limits, 0.7);
  return writer(limits)
    .segment("P", prefix, CENTRE)
    .segment("S", 7, NEIGHBOURS[0]!)
    .segment("V", prefix + 7, ELSEWHERE[0]!)
    .send("cancelled", 0, ["P", "S"], scan(48))
    .cancel("cancelled", 0, { afterTokens: 2 })
    .wait("cancelled", 0)
    .send("victim", 0, ["V"], scan(24))
    .repeat("twin", 0, "victim")
    .send("retry", 0, ["P", "S"], scan(24))
    .send("who", 2, ["P", "S"], narrow("boundary", -4, 8))
    .finish("cancel-and-retry");
}

/** Long prompts at once, cancelled at different moments of prefill, transfer and answer; victims wait behind them. */
export function cancelStorm(limits: TraceLimits): Scene {
  const length = Math.floor(payloadRoom(limits) * 0.6);
  const scene = writer(limits);
  const moments = [...[2, 5, 9, 14, 22, 33, 50].map((afterMs) => ({ afterMs })), { afterTokens: 4 }];
  for (const [i, moment] of moments.entries()) {
    // Odd lengths: chunks then end within blocks.
    scene.segment(`P${i}`, length - 11 * i, ELSEWHERE[i]!);
    scene.send(`x${i}`, i, [`P${i}`], scan(48)).cancel(`x${i}`, i, moment);
  }
  for (let i = 0; i < 2; i++)
    scene.segment(`V${i}`, length - 7, ELSEWHERE[moments.length + i]!).send(`v${i}`, 7, [`V${i}`], scan(12));
  scene.repeat("twin", 7, "v0");
  for (const i of moments.keys()) scene.send(`retry${i}`, 8, [`P${i}`], scan(12));
  return scene.finish("cancel-and-retry");
}

/**
 * Long prompts are given up in their prefill, each at another moment, and asked again at once. Each begins in
 * the step in which another prompt ends, so that its chunks end within blocks.
 */
export function prefillAgain(limits: TraceLimits): Scene {
  const scene = writer(limits);
  for (const [i, afterMs] of [6, 9, 13, 18, 25].entries()) {
    giveUpInPrefill(scene, limits, i, afterMs);
    if (i === 0) scene.repeat("twin", i, "x0");
    scene.wait(`again${i}`, i);
  }
  return scene.finish("cancel-and-retry");
}

/**
 * The same where all blocks are free, so that nobody waits for one, but hold what was there before. An engine that cannot
 * empty its cache evicts.
 */
export function prefillAfterFlush(limits: TraceLimits): Scene {
  const scene = writer(limits);
  for (const [i, afterMs] of [4, 6, 8, 10, 12].entries()) {
    if (limits.supportsFlush) scene.flush(i);
    giveUpInPrefill(scene, limits, i, afterMs);
    if (i === 0) scene.repeat("twin", i, "x0").wait("twin", i);
    scene.wait(`o${i}`, i).wait(`again${i}`, i);
  }
  return scene.finish("cancel-and-retry");
}

function giveUpInPrefill(scene: SceneWriter, limits: TraceLimits, i: number, afterMs: number): void {
  const length = Math.floor(payloadRoom(limits) * 0.6);
  scene
    .segment(`O${i}`, Math.floor(length / 3) + i, ELSEWHERE[2 * i]!)
    .segment(`P${i}`, length - 7 * i, ELSEWHERE[2 * i + 1]!)
    .send(`o${i}`, i, [`O${i}`], scan(4))
    .send(`x${i}`, i, [`P${i}`], scan(12))
    .cancel(`x${i}`, i, { afterMs })
    .wait(`x${i}`, i)
    .repeat(`again${i}`, i, `x${i}`);
}
