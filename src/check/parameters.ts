/**
 * Leaked parameters: whose temperature, penalty or ban could have moved an answer along its ladder.
 *
 * Of every other request that came before the wrong token, each parameter in which it differs is put in the place of the
 * victim's own. What a penalty or a ban leads to is known rung by rung; a temperature may lead to any.
 */

import { TEMPERATURE } from "../target/dialect.ts";
import { isSampled, NO_OPTIONS } from "../trace/options.ts";
import { type Penalties, rungChances, rungScores, topRung } from "../tracer/dice.ts";
import { RUNGS, rungToken, tokenKind } from "../tracer/vocabulary.ts";
import type { Context } from "./context.ts";
import type { CellOrigin } from "./finding.ts";
import type { Observed } from "./provenance.ts";

/** Another's parameter that explains the wrong rungs. */
export interface ParameterFit {
  readonly origin: CellOrigin;
  /** Wrong rungs that it explains, with all that lies between them. */
  readonly tokens: number;
  /** How likely these are with it: 1 where it leaves no choice. */
  readonly likelihood: number;
  /** The other has no such parameter: the victim answered as if it had lost its own, wherever to. */
  readonly lost: boolean;
}

/** What a row's sampler works with, on one ladder. */
interface Drawing extends Penalties {
  readonly sampled: boolean;
  readonly onlyTop: boolean;
}

/** A walk that a temperature takes by chance in fewer cases than this was a penalty's. */
const UNLIKELY = 1e-4;

/** The fits that explain most wrong rungs; none if no other request's parameter leads there. */
export function parameterFits(
  victim: Context,
  index: number,
  seen: Observed,
  others: readonly Context[],
): ParameterFit[] {
  const ladder = ladderOf(victim);
  const before = victim.answer.slice(0, index).flatMap((id) => rungOn(ladder, id) ?? []);
  const own = drawingOf(victim, ladder);
  const fits = others.flatMap((other) => {
    const theirs = drawingOf(other, ladder);
    const position = other.request.prompt.length;
    return changes(own, theirs).map(({ drawing, place, lost }): ParameterFit => {
      const origin = { request: other.request.id, position, place };
      return { origin, lost, ...explained(drawing, ladder, before, seen) };
    });
  });
  const most = Math.max(1, ...fits.map((fit) => fit.tokens));
  const best = fits.filter((fit) => fit.tokens === most);
  const walked = best.some((fit) => fit.likelihood === 1);
  return best.filter((fit) => !walked || fit.likelihood >= UNLIKELY);
}

function ladderOf({ request }: Context): number {
  const token = tokenKind(request.prompt.at(-1)!);
  if (token.kind !== "dice") throw new Error(`${request.id} throws no dice`);
  return token.ladder;
}

function rungOn(ladder: number, id: number): number | null {
  const token = tokenKind(id);
  return token.kind === "rung" && token.ladder === ladder ? token.rung : null;
}

function drawingOf({ options }: Context, ladder: number): Drawing {
  const { top, presence, frequency, avoid, banned } = options ?? NO_OPTIONS;
  const ids = new Set([...avoid, ...banned]);
  return {
    sampled: isSampled(options ?? NO_OPTIONS),
    onlyTop: top !== null,
    presence: presence ?? 0,
    frequency: frequency ?? 0,
    banned: Array.from({ length: RUNGS }, (_, rung) => rung).filter((rung) => ids.has(rungToken(ladder, rung))),
  };
}

/** The victim's drawing with one parameter of another's, for each in which they differ. */
function changes(own: Drawing, theirs: Drawing): { drawing: Drawing; place: string; lost: boolean }[] {
  const found: { drawing: Drawing; place: string; lost: boolean }[] = [];
  if (theirs.sampled && !own.sampled)
    found.push({ drawing: { ...own, sampled: true }, place: `temperature ${TEMPERATURE}`, lost: false });
  if (own.onlyTop && !theirs.onlyTop)
    found.push({ drawing: { ...own, onlyTop: false }, place: "no top_k", lost: true });
  for (const penalty of ["presence", "frequency"] as const) {
    if (own[penalty] === theirs[penalty]) continue;
    const lost = theirs[penalty] === 0;
    const place = lost ? `no ${penalty} penalty` : `${penalty} penalty ${theirs[penalty]}`;
    found.push({ drawing: { ...own, [penalty]: theirs[penalty] }, place, lost });
  }
  if (own.banned.join() !== theirs.banned.join()) {
    const lost = theirs.banned.length === 0;
    const place = lost ? "no ban" : `ban of rung ${theirs.banned.join(", ")}`;
    found.push({ drawing: { ...own, banned: theirs.banned }, place, lost });
  }
  return found;
}

/** How much of an answer the drawing gives, token by token, behind its first rungs. */
function explained(
  drawing: Drawing,
  ladder: number,
  before: readonly number[],
  seen: Observed,
): Pick<ParameterFit, "tokens" | "likelihood"> {
  const counts = new Array<number>(RUNGS).fill(0);
  for (const rung of before) counts[rung]!++;
  let [tokens, likelihood] = [0, 1];
  for (const [i, id] of seen.tokens.entries()) {
    const rung = rungOn(ladder, id);
    if (rung === null) break;
    const scores = rungScores(drawing, counts);
    const drawn = drawing.sampled && !drawing.onlyTop;
    const chance = drawn ? rungChances(TEMPERATURE, scores)[rung]! : topRung(scores).rung === rung ? 1 : 0;
    if (chance === 0) break;
    counts[rung]!++;
    // A leak may have ended: what is right by then is no evidence for it or against it.
    if (!seen.wrong[i]) continue;
    tokens++;
    likelihood *= chance;
  }
  return { tokens, likelihood };
}
