/** Scenarios in which requests want more blocks than there are. */

import { NARROW_TOKENS } from "../../tracer/read-tokens.ts";
import { fillers } from "../dirty-pool.ts";
import { APART, CENTRE, ELSEWHERE, NEIGHBOURS, STARS } from "../families.ts";
import { cellsPerRequest, payloadRoom, type TraceLimits } from "../limits.ts";
import type { Scene } from "../scene.ts";
import { cellsOf, edgeOf, fillingPrompts, halfPrompt, narrow, scan, writer } from "./parts.ts";

/** A prefix is pushed out of the pool by fillers, one of them cancelled, and asked for again by three at once. */
export function prefixPressureResend(limits: TraceLimits): Scene {
  const { count, length } = fillers(limits, 1.2, 5);
  const scene = writer(limits).segment("P", cellsOf(limits, 0.6), CENTRE);
  for (const [i, spot] of NEIGHBOURS.slice(0, 3).entries()) scene.segment(`S${i}`, 5 + 6 * i, spot);
  scene.send("first", 0, ["P", "S0"], scan(8)).wait("first", 0);
  for (let i = 0; i < count; i++) scene.segment(`F${i}`, length, ELSEWHERE[i]!).send(`f${i}`, 1, [`F${i}`], scan(12));
  return scene
    .cancel("f0", 1, { afterTokens: 1 })
    .wait(`f${count - 1}`, 1)
    .send("resend0", 2, ["P", "S0"], scan(24))
    .send("resend1", 2, ["P", "S1"], scan(24))
    .repeat("twin", 2, "resend0")
    .send("resend2", 2, ["P", "S2"], narrow("start", 0, 16))
    .finish("pressure");
}

/** Prompts that fit the pool together, and answers that do not: one is preempted, resumed, and asked again. */
export function preemption(limits: TraceLimits): Scene {
  const { count, prompt, answer } = fillingPrompts(limits);
  const scene = writer(limits).segment("X", 24, CENTRE).send("givenUp", 0, ["X"], scan(48));
  for (let i = 0; i < count; i++)
    scene.segment(`Q${i}`, prompt, ELSEWHERE[i]!).send(`q${i}`, i, [`Q${i}`], scan(answer));
  const last = count - 1;
  return scene
    .repeat("twin", last, `q${last}`)
    .cancel("givenUp", last, { afterTokens: 4 })
    .wait(`q${last}`, last)
    .repeat("again", last, `q${last}`)
    .send("who", last, [`Q${last}`], narrow("start", 1, 16))
    .finish("pressure");
}

/**
 * While two answer a third asks with the beginning of their prompt, which parts their cells in a cache that is a tree. All
 * end, and a fourth goes on from that beginning: only it holds those cells now, while fillers take all others.
 */
export function prefixOutlivesSharers(limits: TraceLimits): Scene {
  const { count, length } = fillers(limits, 2, 8);
  const prefix = cellsOf(limits, 0.6);
  // All but the last block: chunks of a prompt seldom end there.
  const beginning = { seg: "P", to: Math.max(1, prefix - edgeOf(limits)) };
  const scene = writer(limits).segment("P", prefix, CENTRE);
  for (const [i, spot] of NEIGHBOURS.slice(0, 3).entries()) scene.segment(`S${i}`, 5 + 4 * i, spot);
  scene
    .send("whole", 0, ["P", "S0"], scan(24))
    .repeat("twin", 0, "whole")
    .send("beginning", 20, [beginning, "S1"], scan(4))
    .wait("beginning", 20)
    .wait("twin", 20)
    .send("holder", 21, [beginning, "S2"], scan(160));
  for (let i = 0; i < count; i++) scene.segment(`F${i}`, length, ELSEWHERE[i]!).send(`f${i}`, 22, [`F${i}`], scan(2));
  return scene.cancel("f0", 22, { afterTokens: 1 }).finish("pressure");
}

/**
 * Some at once begin with one prefix that takes many steps to compute. The first is cancelled in its answer, and strangers
 * want its room while the others answer on.
 */
export function longPrefixAtOnce(limits: TraceLimits): Scene {
  const prefix = Math.floor(payloadRoom(limits) * 0.8);
  const strangers = fillers(limits, 0.8, 4);
  const scene = writer(limits);
  for (const round of [0, 1]) {
    const { centre, neighbours } = STARS[round]!;
    scene.segment(`P${round}`, prefix - 5 * round, centre);
    for (const [i, spot] of neighbours.entries())
      scene
        .segment(`S${round}${i}`, 5 + 4 * i, spot)
        .send(`r${round}${i}`, round, [`P${round}`, `S${round}${i}`], scan(i === 0 ? 48 : 64));
    scene.cancel(`r${round}0`, round, { afterTokens: 2 + round }).wait(`r${round}0`, round);
    for (let i = 0; i < strangers.count; i++)
      scene
        .segment(`V${round}${i}`, strangers.length, APART[strangers.count * round + i]!)
        .send(`v${round}${i}`, round, [`V${round}${i}`], scan(8));
    if (round === 0) scene.repeat("twin", round, "v00");
    scene.wait(`r${round}2`, round);
  }
  return scene.finish("prefix-tree");
}

/**
 * A prompt is answered, and its cells stay cached with nobody holding them. Others fill the rest of the pool and go on
 * growing, while it comes back again and again with a little more: room for that must not be made of the cells it hits.
 * Narrow reads: these cells would be its own again, which a scan allows.
 */
export function hitInFullPool(limits: TraceLimits): Scene {
  const edge = edgeOf(limits);
  const prefix = halfPrompt(limits);
  const answer = Math.min(96, Math.floor(cellsPerRequest(limits) / 4));
  const rest = limits.poolCells - prefix;
  const holders = Math.max(1, Math.min(Math.ceil(rest / (cellsPerRequest(limits) - answer)), 6));
  const length = Math.floor(rest / holders) - limits.blockSize - NARROW_TOKENS;
  const scene = writer(limits).segment("P", prefix, CENTRE).send("first", 0, ["P"], scan(8)).wait("first", 0);
  for (let i = 0; i < holders; i++)
    scene.segment(`H${i}`, length, ELSEWHERE[i]!).send(`h${i}`, 1, [`H${i}`], scan(answer));
  for (let i = 0; i < 6; i++) {
    scene.segment(`S${i}`, edge + i, NEIGHBOURS[i]!).send(`back${i}`, 2, ["P", `S${i}`], narrow("boundary", -8, 12));
    if (i === 0) scene.repeat("twin", 2, "back0").cancel("h0", 2, { afterTokens: answer - 8 });
    scene.wait(`back${i}`, 2);
  }
  return scene.finish("pressure");
}

/**
 * A prompt is answered, then others, one after the other, of which all cells stay where they are: together they fill the
 * pool but for a block or two. The first one comes back with more than that behind it.
 */
export function resumeInFullPool(limits: TraceLimits): Scene {
  const edge = edgeOf(limits);
  const prefix = halfPrompt(limits);
  const rest = limits.poolCells - prefix;
  const others = Math.max(1, Math.min(Math.ceil(rest / cellsPerRequest(limits)), 6));
  const length = Math.max(1, (Math.floor(rest / others / edge) - 1) * edge - NARROW_TOKENS - 4);
  const scene = writer(limits)
    .segment("P", prefix, CENTRE)
    .segment("S", 4 * edge - 8, NEIGHBOURS[0]!)
    .send("first", 0, ["P"], scan(8))
    .wait("first", 0);
  for (let i = 0; i < others; i++)
    scene
      .segment(`O${i}`, length, ELSEWHERE[i]!)
      .send(`o${i}`, 1, [`O${i}`], scan(4))
      .wait(`o${i}`, 1);
  return scene
    .send("back", 2, ["P", "S"], narrow("boundary", -8, 12))
    .wait("back", 2)
    .send("start", 3, ["P", "S"], narrow("start", 0, 12))
    .repeat("twin", 3, "start")
    .send("givenUp", 3, ["O0"], scan(24))
    .cancel("givenUp", 3, { afterTokens: 2 })
    .finish("pressure");
}

/**
 * A few more prompts than the pool holds are asked in turns, each while the one before it takes its blocks. With a second
 * tier behind the pool, a prompt is then pushed out to it and loaded from it over and over, and asked for just when it goes.
 * More prompts join in, in case the pool that caches is larger than is known.
 */
export function reload(limits: TraceLimits): Scene {
  const cells = limits.poolCells * 1.3;
  const few = Math.max(2, Math.min(5, Math.ceil(cells / payloadRoom(limits))));
  const scene = writer(limits);
  for (let i = 0; i < few + 2; i++) scene.segment(`P${i}`, Math.floor(cells / few), ELSEWHERE[i]!);
  let last = 0;
  for (const count of [few, few + 1, few + 1, few + 2, few + 2]) {
    for (let i = 0; i < count; i++) {
      const n = ++last;
      scene.send(`p${n}`, n, [`P${i}`], scan(4));
      if (n > 1) scene.wait(`p${n - 1}`, n);
    }
  }
  return scene
    .repeat("twin", last, `p${last}`)
    .send("givenUp", last, ["P0"], scan(24))
    .cancel("givenUp", last, { afterTokens: 2 })
    .finish("pressure");
}
