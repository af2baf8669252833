/** Where a wrong token may come from, over all classes that the evidence fits. */

import type { Anomaly, CellOrigin } from "../check/finding.ts";

/** Each place once, the best class's first. */
export function placesThatFit({ or, origins }: Anomaly): CellOrigin[] {
  const all = [...origins, ...or.flatMap((reading) => reading.origins)];
  return [...new Map(all.map((origin) => [`${origin.request} ${origin.place}`, origin])).values()];
}

/** One class and one place. */
export const isCertain = (anomaly: Anomaly): boolean => anomaly.or.length === 0 && placesThatFit(anomaly).length === 1;
