/** A long run in numbers and over time. */

import { coverage } from "../check/coverage.ts";
import type { Finding } from "../check/finding.ts";
import { toRun } from "../check/property.ts";
import type { HistoryEvent } from "../history/schema.ts";
import { countRows } from "./count-rows.ts";
import { htmlTable, paragraph } from "./html.ts";
import { ms } from "./numbers.ts";
import { type Strip, stripsSvg } from "./strips-svg.ts";
import { arrivalOf, lastTime } from "./timeline-svg.ts";

const COLUMNS = 120;

/** What an event adds to each strip. */
const STRIPS: readonly (readonly [name: string, of: (event: HistoryEvent) => number])[] = [
  ["requests sent", ({ e }) => (e === "sent" ? 1 : 0)],
  ["cancels", ({ e }) => (e === "cancelled" ? 1 : 0)],
  ["tokens", (event) => (event.e === "tokens" ? event.ids.length : 0)],
  ["cache events", ({ e }) => (e === "cache" ? 1 : 0)],
];

/** HTML: a drawing over time, and the counts. */
export function runOverview({ anomaly, history, trace }: Finding): string {
  const last = lastTime(history);
  const columnOf = (t: number): number => Math.min(COLUMNS - 1, Math.floor((COLUMNS * t) / last));
  const strips = STRIPS.map(([name, of]): Strip => {
    const values = new Array<number>(COLUMNS).fill(0);
    for (const event of history.events) values[columnOf(event.t)]! += of(event);
    const total = values.reduce((sum, value) => sum + value, 0);
    return { name, values, about: `${total} in all` };
  });
  const wrong = arrivalOf(history.events, anomaly);
  const broken = new Map(wrong === null ? [] : [[columnOf(wrong), `the wrong token came at ${ms(wrong)} ms`] as const]);
  const domain = [0, last / 1000] as const;
  const svg = stripsSvg({ title: "The whole run", axis: "time, ms", domain, strips, broken });
  return `<h2>The whole run</h2>
<div class="box" tabindex="0" role="region" aria-label="The whole run, drawn">${svg}</div>
${paragraph(`${wrong === null ? "" : `✕: the wrong token came at ${ms(wrong)} ms. `}What follows shows the part around the finding; trace.json and history.jsonl have all of it.`)}
${htmlTable("Counts of the whole run", ["what", "how many"], countRows(coverage([toRun(trace, history)])))}
`;
}
