/** Adapter mix-up: a request's own cells, as another adapter computed them. */

import { shown } from "../trace/write-out.ts";
import { type AdapterName, storedToken } from "../tracer/adapter.ts";
import { digitsOf, isPayload } from "../tracer/vocabulary.ts";
import { type Context, heldBefore, NO_EVIDENCE, originAt } from "./context.ts";
import type { CellOrigin } from "./finding.ts";

/** What may have computed a cell of the victim's but its own adapter: the base, and what others were computed under. */
export function otherAdapters({ request }: Context, others: readonly Context[]): (AdapterName | null)[] {
  const adapters = new Set(others.map((c) => c.request.adapter));
  if (request.adapter !== null) adapters.add(null);
  adapters.delete(request.adapter);
  return [...adapters];
}

/** What a narrow read shows of the victim's own cells, had this adapter computed them. */
export function ownCellsUnder(victim: Context, adapter: AdapterName | null, time: number): number[] {
  return heldBefore(victim, time).map((token) => (token === NO_EVIDENCE ? token : shown(token, adapter)));
}

/** Whether both prompts have one token at a position. */
function sameToken(victim: Context, other: Context, position: number): boolean {
  const token = victim.request.prompt[position];
  return token !== undefined && token === other.request.prompt[position];
}

/** Whether another request's cell at a position is the victim's own but for the adapter: then it is not foreign. */
export function isOwnButForAdapter(victim: Context, other: Context, position: number): boolean {
  return other.request.adapter !== victim.request.adapter && sameToken(victim, other, position);
}

/**
 * Where an own cell that this adapter computed may come from: the requests under it that hold the same token there. The
 * victim's own cell if there is none.
 */
export function mixUpOrigins(
  victim: Context,
  adapter: AdapterName | null,
  position: number,
  others: readonly Context[],
): CellOrigin[] {
  const holders = others.filter((c) => c.request.adapter === adapter && sameToken(victim, c, position));
  return (holders.length > 0 ? holders : [victim]).map((c) => ({
    ...originAt(c, position),
    adapter: adapter ?? "base",
  }));
}

/** First own cell that has this digit under each other adapter, where one has. */
export function digitMixUps(
  victim: Context,
  digit: number,
  value: number,
  time: number,
  others: readonly Context[],
): CellOrigin[] {
  const own = heldBefore(victim, time);
  return otherAdapters(victim, others).flatMap((adapter) => {
    const position = own.findIndex(
      (token) => isPayload(token) && digitsOf(storedToken(adapter, token))[digit] === value,
    );
    return position < 0 ? [] : mixUpOrigins(victim, adapter, position, others);
  });
}
