/**
 * Named small traces: one hostile pattern each, the same on every machine. They hold what the laws need to say pass
 * rather than inconclusive: twins at once, a shared prefix, a cancel that lands, cells read after it. Where one step
 * must follow another they wait instead of guessing the engine's speed.
 */

import type { RequestOption } from "../trace/options.ts";
import type { Trace } from "../trace/schema.ts";
import { withDiceInRows, withGrammarsInRows } from "./dice.ts";
import { fillers } from "./dirty-pool.ts";
import { ELSEWHERE } from "./families.ts";
import type { TraceLimits } from "./limits.ts";
import { marked } from "./marks.ts";
import {
  cancelInPrefill,
  cancelStorm,
  cancelThenVictim,
  prefillAfterFlush,
  prefillAgain,
} from "./scenarios/cancels.ts";
import { conversation, idsAgain, turnCutOff } from "./scenarios/conversations.ts";
import { scan, writer } from "./scenarios/parts.ts";
import {
  hitInFullPool,
  longPrefixAtOnce,
  preemption,
  prefixOutlivesSharers,
  prefixPressureResend,
  reload,
  resumeInFullPool,
} from "./scenarios/pressure.ts";
import { crossover, equalLengths, twinsBurst } from "./scenarios/prompts.ts";
import { embeddingsAtOnce, grammarsInRows, rowsOutOfOrder } from "./scenarios/rows.ts";
import type { Scene } from "./scene.ts";
import { type Act, stage } from "./stage.ts";
import { withinWindow } from "./window.ts";

/** In the order in which a campaign runs them. */
const SCENES = {
  "cancel-in-prefill": cancelInPrefill,
  "cancel-then-victim": cancelThenVictim,
  "equal-lengths": equalLengths,
  "cancel-storm": cancelStorm,
  "prefix-pressure-resend": prefixPressureResend,
  "twins-burst": twinsBurst,
  crossover,
  "rows-out-of-order": rowsOutOfOrder,
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
} as const satisfies Readonly<Record<string, (limits: TraceLimits) => Scene>>;
export type ScenarioName = keyof typeof SCENES;
export const SCENARIOS = Object.keys(SCENES) as readonly ScenarioName[];

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
  const acts = [fillPool(limits), SCENES[name](limits)].map((scene): Act => ({ scene, overlaps: false, pause: 0 }));
  const trace = stage({ name, acts, sprinkles: [], revisits: [], flush: false, seed: SEED }, limits);
  const cut = withinWindow(name === "marked-conversation" ? marked(trace, 1) : trace, limits.window);
  if (name === "grammars-in-rows") return withGrammarsInRows(cut, limits.options);
  return name === "rows-out-of-order" ? withDiceInRows(cut, limits.options) : cut;
}

/** Foreign digits in every cell before the scenario begins. */
function fillPool(limits: TraceLimits): Scene {
  const { count, length } = fillers(limits, 1, 4);
  const scene = writer(limits);
  for (let i = 0; i < count; i++) scene.segment(`F${i}`, length, ELSEWHERE[i]!).send(`f${i}`, i, [`F${i}`], scan(4));
  return scene.wait(`f${count - 1}`, count).finish("dirty-pool");
}
