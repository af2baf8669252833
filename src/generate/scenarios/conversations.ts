/** Scenarios of clients that come back: with the next turn, or under an id that was there before. */

import { fillers } from "../dirty-pool.ts";
import { APART, CENTRE, ELSEWHERE, NEIGHBOURS, STARS } from "../families.ts";
import { payloadRoom, type TraceLimits } from "../limits.ts";
import type { Scene } from "../scene.ts";
import { cellsOf, edgeOf, narrow, scan, writer } from "./parts.ts";

/**
 * Three turns, each on top of the one before and its answer, while strangers take cells and one gives up; then the last
 * turn again, by twins. All under nonces, so that every token of an answer tests every key.
 */
export function conversation(limits: TraceLimits): Scene {
  const scene = writer(limits)
    .segment("P", cellsOf(limits, 0.4), CENTRE)
    .segment("U1", 9, NEIGHBOURS[0]!)
    .segment("U2", 6, NEIGHBOURS[3]!)
    .send("turn0", 0, ["P"], scan(12));
  for (const i of [0, 1]) scene.segment(`X${i}`, cellsOf(limits, 0.6), ELSEWHERE[i]!);
  scene.send("stranger", 0, ["X0"], scan(8)).wait("turn0", 0);
  scene.send("givenUp", 0, ["X1"], scan(48)).cancel("givenUp", 0, { afterTokens: 2 });
  const last = scene.reply("turn1", 1, "turn0", ["U1"], narrow("start", 1, 8)) ? "turn1" : "turn0";
  scene.wait(last, 2);
  const end = scene.reply("turn2", 2, last, ["U2"], scan(12)) ? "turn2" : last;
  return scene.repeat("twin", 2, end).repeat("again", 2, end).finish("conversation");
}

/**
 * Conversations whose next turn is given up in its prefill, each at another moment, and sent again at once. Then strangers
 * want so much room that an engine has to let go of what it has kept of them, and all come back.
 */
export function turnCutOff(limits: TraceLimits): Scene {
  const room = payloadRoom(limits);
  const scene = writer(limits);
  const last: string[] = [];
  for (const [i, { centre, neighbours }] of STARS.entries()) {
    const asking = { session: `c${i}` };
    if (limits.supportsFlush) scene.flush(i);
    scene
      .segment(`P${i}`, Math.floor(room / 3) + i, centre)
      .segment(`U${i}`, Math.floor(room / 2), neighbours[0]!)
      .send(`turn${i}`, i, [`P${i}`], scan(8), asking)
      .wait(`turn${i}`, i);
    const fits = scene.reply(`x${i}`, i, `turn${i}`, [`U${i}`], scan(12), asking);
    last.push(fits ? `x${i}` : `turn${i}`);
    if (!fits) continue;
    const afterMs = [4, 6, 9, 13][i]!;
    scene.cancel(`x${i}`, i, { afterMs }).wait(`x${i}`, i).repeat(`again${i}`, i, `x${i}`);
    if (i === 0) scene.repeat("twin", i, "x0").wait("twin", i);
    scene.wait(`again${i}`, i);
  }
  const { count, length } = fillers(limits, 1.2, 4);
  for (let i = 0; i < count; i++) scene.segment(`F${i}`, length, APART[i]!).send(`f${i}`, 4, [`F${i}`], scan(32));
  scene.wait(`f${count - 1}`, 5);
  for (const [i, id] of last.entries()) scene.repeat(`late${i}`, 5, id);
  return scene.finish("conversation");
}

/**
 * A client that retries: another request comes under the id of one that it gave up, or of one that still answers. Then
 * several under one id, each before the one before it has ended, with strangers between them.
 */
export function idsAgain(limits: TraceLimits): Scene {
  const length = Math.floor(payloadRoom(limits) * 0.5);
  const scene = writer(limits);
  for (let i = 0; i < 5; i++) {
    const asking = { requestId: `id${i}` };
    scene
      .segment(`X${i}`, length - 9 * i, ELSEWHERE[2 * i]!)
      .segment(`Y${i}`, length - 9 * i - 4, ELSEWHERE[2 * i + 1]!)
      .send(`x${i}`, i, [`X${i}`], scan(24), asking)
      .send(`b${i}`, i, [`Y${i}`], scan(12), asking);
    scene.cancel(`x${i}`, i, i === 0 ? { afterTokens: 2 } : { afterMs: 10 + 6 * i });
    scene.wait(`x${i}`, i).repeat(`y${i}`, i, `x${i}`);
    if (i % 2 === 1) scene.wait(`b${i}`, i);
  }
  scene.wait("y4", 8).wait("b4", 8);
  if (limits.supportsFlush) scene.flush(8);
  for (let i = 0; i < 5; i++)
    scene
      .segment(`M${i}`, 5 * edgeOf(limits) - 8 - i, NEIGHBOURS[i]!)
      .segment(`N${i}`, edgeOf(limits) + 4 + i, ELSEWHERE[10 + i]!)
      .send(`m${i}`, 8 + 6 * i, [`M${i}`], scan(8), { requestId: "same" })
      .send(`n${i}`, 11 + 6 * i, [`N${i}`], scan(4));
  return scene.repeat("twin", 35, "n4").finish("cancel-and-retry");
}
