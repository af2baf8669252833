/**
 * Named small traces: one hostile pattern each, the same on every machine. They hold what the laws need to say pass
 * rather than inconclusive: twins at once, a shared prefix, a cancel that lands, cells read after it. Where one step
 * must follow another they wait instead of guessing the engine's speed.
 */

import type { RequestOption } from "../trace/options.ts";
import type { Trace } from "../trace/schema.ts";
import { NARROW_TOKENS } from "../tracer/read-tokens.ts";
import type { Aim } from "./aim.ts";
import { SQUARE } from "./crossover.ts";
import { withDiceInRows, withGrammarsInRows } from "./dice.ts";
import { fillers } from "./dirty-pool.ts";
import { APART, CENTRE, ELSEWHERE, NEIGHBOURS, STARS } from "./families.ts";
import { burstSize, cellsPerRequest, payloadRoom, type TraceLimits } from "./limits.ts";
import { marked } from "./marks.ts";
import { type Scene, SceneWriter } from "./scene.ts";
import { type Act, stage } from "./stage.ts";
import { withinWindow } from "./window.ts";

export const SCENARIOS = [
  "cancel-in-prefill",
  "cancel-then-victim",
  "equal-lengths",
  "cancel-storm",
  "prefix-pressure-resend",
  "twins-burst",
  "crossover",
  "rows-out-of-order",
  "marked-conversation",
  "preemption",
  "prefix-outlives-sharers",
  "prefill-again",
  "hit-in-full-pool",
  "resume-in-full-pool",
  "grammars-in-rows",
  "prefill-after-flush",
  "reload",
  "embeddings-at-once",
  "turn-cut-off",
  "long-prefix-at-once",
  "ids-again",
] as const;
export type ScenarioName = (typeof SCENARIOS)[number];

/** Options of requests without which a scenario says nothing of its own. */
const NEEDS: Partial<Readonly<Record<ScenarioName, RequestOption>>> = {
  "grammars-in-rows": "grammar",
  "embeddings-at-once": "embed",
  "turn-cut-off": "session",
  "ids-again": "requestId",
};

/** The scenarios that a target can be put to. */
export function scenariosFor({ options }: Pick<TraceLimits, "options">): readonly ScenarioName[] {
  return SCENARIOS.filter((name) => NEEDS[name] === undefined || options.includes(NEEDS[name]));
}

const SEED = 20_260_101;

/** A scenario, cut to a target's limits. @throws CrosstalkError INVALID_OPTION when they leave no room */
export function scenario(name: ScenarioName, limits: TraceLimits): Trace {
  const acts = [fillPool(limits), scenes[name](limits)].map((scene): Act => ({ scene, overlaps: false, pause: 0 }));
  const trace = stage({ name, acts, sprinkles: [], revisits: [], flush: false, seed: SEED }, limits);
  const cut = withinWindow(name === "marked-conversation" ? marked(trace, 1) : trace, limits.window);
  if (name === "grammars-in-rows") return withGrammarsInRows(cut, limits.options);
  return name === "rows-out-of-order" ? withDiceInRows(cut, limits.options) : cut;
}

const scenes: Readonly<Record<ScenarioName, (limits: TraceLimits) => Scene>> = {
  "cancel-in-prefill": cancelInPrefill,
  "cancel-then-victim": cancelThenVictim,
  "cancel-storm": cancelStorm,
  "prefix-pressure-resend": prefixPressureResend,
  "twins-burst": twinsBurst,
  crossover,
  "rows-out-of-order": rowsOutOfOrder,
  "equal-lengths": equalLengths,
  "marked-conversation": conversation,
  preemption,
  "prefix-outlives-sharers": prefixOutlivesSharers,
  "prefill-again": prefillAgain,
  "hit-in-full-pool": hitInFullPool,
  "resume-in-full-pool": resumeInFullPool,
  "grammars-in-rows": grammarsInRows,
  "prefill-after-flush": prefillAfterFlush,
  reload,
  "embeddings-at-once": embeddingsAtOnce,
  "turn-cut-off": turnCutOff,
  "long-prefix-at-once": longPrefixAtOnce,
  "ids-again": idsAgain,
};

const scan = (tokens: number): Aim => ({ kind: "scan", tokens });
const narrow = (place: "start" | "boundary", shift: number, tokens: number): Aim => ({
  kind: "narrow",
  place,
  where: 0,
  shift,
  tokens,
});

/** Whole blocks of about `share` of a prompt's room, four blocks at most. */
function cellsOf(limits: TraceLimits, share: number): number {
  const size = edgeOf(limits);
  return size * Math.max(1, Math.min(4, Math.floor((payloadRoom(limits) * share) / size)));
}

function edgeOf(limits: TraceLimits): number {
  return Math.max(16, limits.blockSize);
}

const writer = (limits: TraceLimits): SceneWriter => new SceneWriter(limits, edgeOf(limits));

/** Whole blocks of about half of a prompt's room. */
const halfPrompt = (limits: TraceLimits): number =>
  edgeOf(limits) * Math.max(1, Math.floor(payloadRoom(limits) / 2 / edgeOf(limits)));

/** Foreign digits in every cell before the scenario begins. */
function fillPool(limits: TraceLimits): Scene {
  const { count, length } = fillers(limits, 1, 4);
  const scene = writer(limits);
  for (let i = 0; i < count; i++) scene.segment(`F${i}`, length, ELSEWHERE[i]!).send(`f${i}`, i, [`F${i}`], scan(4));
  return scene.wait(`f${count - 1}`, count).finish("dirty-pool");
}

/** Prompts are given up before their cells are all there, and each one's blocks go to another prompt at once. */
function cancelInPrefill(limits: TraceLimits): Scene {
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
function cancelThenVictim(limits: TraceLimits): Scene {
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
function cancelStorm(limits: TraceLimits): Scene {
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

/** A prefix is pushed out of the pool by fillers, one of them cancelled, and asked for again by three at once. */
function prefixPressureResend(limits: TraceLimits): Scene {
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
function preemption(limits: TraceLimits): Scene {
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
function prefixOutlivesSharers(limits: TraceLimits): Scene {
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
 * Long prompts are given up in their prefill, each at another moment, and asked again at once. Each begins in
 * the step in which another prompt ends, so that its chunks end within blocks.
 */
function prefillAgain(limits: TraceLimits): Scene {
  const length = Math.floor(payloadRoom(limits) * 0.6);
  const scene = writer(limits);
  for (const [i, afterMs] of [6, 9, 13, 18, 25].entries()) {
    scene
      .segment(`O${i}`, Math.floor(length / 3) + i, ELSEWHERE[2 * i]!)
      .segment(`P${i}`, length - 7 * i, ELSEWHERE[2 * i + 1]!)
      .send(`o${i}`, i, [`O${i}`], scan(4))
      .send(`x${i}`, i, [`P${i}`], scan(12))
      .cancel(`x${i}`, i, { afterMs })
      .wait(`x${i}`, i)
      .repeat(`again${i}`, i, `x${i}`);
    if (i === 0) scene.repeat("twin", i, "x0");
    scene.wait(`again${i}`, i);
  }
  return scene.finish("cancel-and-retry");
}

/**
 * The same where all blocks are free, so that nobody waits for one, but hold what was there before. An engine that cannot
 * empty its cache evicts.
 */
function prefillAfterFlush(limits: TraceLimits): Scene {
  const length = Math.floor(payloadRoom(limits) * 0.6);
  const scene = writer(limits);
  for (const [i, afterMs] of [4, 6, 8, 10, 12].entries()) {
    if (limits.supportsFlush) scene.flush(i);
    scene
      .segment(`O${i}`, Math.floor(length / 3) + i, ELSEWHERE[2 * i]!)
      .segment(`P${i}`, length - 7 * i, ELSEWHERE[2 * i + 1]!)
      .send(`o${i}`, i, [`O${i}`], scan(4))
      .send(`x${i}`, i, [`P${i}`], scan(12))
      .cancel(`x${i}`, i, { afterMs })
      .wait(`x${i}`, i)
      .repeat(`again${i}`, i, `x${i}`);
    if (i === 0) scene.repeat("twin", i, "x0").wait("twin", i);
    scene.wait(`o${i}`, i).wait(`again${i}`, i);
  }
  return scene.finish("cancel-and-retry");
}

/**
 * A few more prompts than the pool holds are asked in turns, each while the one before it takes its blocks. With a second
 * tier behind the pool, a prompt is then pushed out to it and loaded from it over and over, and asked for just when it goes.
 * More prompts join in, in case the pool that caches is larger than is known.
 */
function reload(limits: TraceLimits): Scene {
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

/** Embeddings of short prompts, some at once, so that a few end in one step, behind answers and a long prompt. */
function embeddingsAtOnce(limits: TraceLimits): Scene {
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

/**
 * Conversations whose next turn is given up in its prefill, each at another moment, and sent again at once. Then strangers
 * want so much room that an engine has to let go of what it has kept of them, and all come back.
 */
function turnCutOff(limits: TraceLimits): Scene {
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
 * Some at once begin with one prefix that takes many steps to compute. The first is cancelled in its answer, and strangers
 * want its room while the others answer on.
 */
function longPrefixAtOnce(limits: TraceLimits): Scene {
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

/** A client that retries: another request comes under the id of one that it gave up, or of one that still answers. */
function idsAgain(limits: TraceLimits): Scene {
  const length = Math.floor(payloadRoom(limits) * 0.5);
  const scene = writer(limits);
  for (let i = 0; i < 5; i++) {
    const asking = { requestId: `id${i}` };
    scene
      .segment(`X${i}`, length - 9 * i, ELSEWHERE[2 * (i % 7)]!)
      .segment(`Y${i}`, length - 9 * i - 4, ELSEWHERE[2 * (i % 7) + 1]!)
      .send(`x${i}`, i, [`X${i}`], scan(24), asking)
      .send(`b${i}`, i, [`Y${i}`], scan(12), asking);
    scene.cancel(`x${i}`, i, i < 1 ? { afterTokens: 2 } : { afterMs: 10 + 6 * i });
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

/**
 * A prompt is answered, and its cells stay cached with nobody holding them. Others fill the rest of the pool and go on
 * growing, while it comes back again and again with a little more: room for that must not be made of the cells it hits.
 * Narrow reads: these cells would be its own again, which a scan allows.
 */
function hitInFullPool(limits: TraceLimits): Scene {
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
function resumeInFullPool(limits: TraceLimits): Scene {
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

/** How many prompts fill the pool together, but for a block each, so that all are admitted before any has answered. */
function fillingPrompts(limits: TraceLimits): { count: number; prompt: number; answer: number } {
  const cells = cellsPerRequest(limits);
  const answer = Math.min(96, Math.floor(cells / 3));
  const count = limits.preempts ? Math.max(2, Math.min(Math.ceil(limits.poolCells / cells), 6)) : 2;
  const share = Math.floor(limits.poolCells / count / limits.blockSize - 1) * limits.blockSize;
  return { count, answer, prompt: Math.min(cells - answer, Math.max(share, limits.blockSize)) - NARROW_TOKENS };
}

/** Four of one prompt at once, of which the first is cancelled, then two more. */
function twinsBurst(limits: TraceLimits): Scene {
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
function crossover(limits: TraceLimits): Scene {
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
 * Answers of different lengths, one row cancelled: rows leave the middle of the batch. When a second one has left it, two
 * requests come in. The first row has a twin.
 */
function rowsOutOfOrder(limits: TraceLimits): Scene {
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
function grammarsInRows(limits: TraceLimits): Scene {
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

/**
 * Three conversations of one length, one after the other; the first comes back, by twins at once, and is cancelled once. Then
 * two prompts of one length that differ in their middle only.
 */
function equalLengths(limits: TraceLimits): Scene {
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

/**
 * Three turns, each on top of the one before and its answer, while strangers take cells and one gives up; then the last
 * turn again, by twins. All under nonces, so that every token of an answer tests every key.
 */
function conversation(limits: TraceLimits): Scene {
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
