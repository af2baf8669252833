/**
 * Whose cells each block holds, over time, as far as the target tells: a transfer names the blocks that a request's cells
 * were written to. Other events name blocks too, but not what is in them afterwards.
 */

import { scaleLinear } from "d3-scale";
import type { Finding } from "../check/finding.ts";
import { escapeHtml } from "./html.ts";
import { ms, px } from "./numbers.ts";
import { arrivalOf, ROLES, roleOf, type ShownTime, shownTime } from "./timeline-svg.ts";

/** From one transfer to the next one into the same block, or to the end of what is shown; microseconds. */
interface Holding {
  readonly request: string;
  readonly from: number;
  readonly to: number;
}

export interface HeldBlock {
  readonly block: number;
  readonly holdings: readonly Holding[];
}

/** Blocks that are drawn: those that several requests wrote are taken first, then the victim's. */
const MOST_BLOCKS = 16;
const WIDTH = 960;
const X = { from: 116, to: 940 };
const TOP = 40;
const ROW = 24;
const BAR = 18;

/** In order of number; none where the target tells of no transfer. */
export function heldBlocks({ anomaly, history }: Finding, shown: ShownTime): HeldBlock[] {
  const written = new Map<number, { readonly t: number; readonly request: string }[]>();
  for (const event of history.events) {
    if (event.e !== "cache" || event.what !== "transfer" || event.id === undefined) continue;
    if (event.t < shown.from || event.t > shown.to) continue;
    for (const block of event.blocks) {
      written.set(block, [...(written.get(block) ?? []), { t: event.t, request: event.id }]);
    }
  }
  const blocks = Array.from(written, ([block, writes]): HeldBlock => {
    const holdings = writes.map(({ request, t }, i) => ({ request, from: t, to: writes[i + 1]?.t ?? shown.to }));
    return { block, holdings };
  });
  const shared = ({ holdings }: HeldBlock) => new Set(holdings.map(({ request }) => request)).size > 1;
  const victims = ({ holdings }: HeldBlock) => holdings.some(({ request }) => request === anomaly.request);
  const rank = (held: HeldBlock): number => (shared(held) ? 0 : 2) + (victims(held) ? 0 : 1);
  return blocks
    .sort((a, b) => rank(a) - rank(b) || a.block - b.block)
    .slice(0, MOST_BLOCKS)
    .sort((a, b) => a.block - b.block);
}

/** SVG, 960 units wide; null where there is nothing to draw. */
export function blockMapSvg(finding: Finding): string | null {
  const shown = shownTime(finding);
  const blocks = heldBlocks(finding, shown);
  if (blocks.length === 0) return null;
  const height = TOP + blocks.length * ROW;
  const x = scaleLinear([shown.from / 1000, shown.to / 1000], [X.from, X.to]);
  const ticks = x.ticks(6).map((ms) => `<text class="axis tick" x="${px(x(ms))}" y="32">${ms}</text>`);
  const rows = blocks.map((held, i) => blockRow(finding, held, TOP + i * ROW, x));
  const wrong = arrivalOf(finding.history.events, finding.anomaly);
  const at = wrong === null ? "" : px(x(wrong / 1000));
  const mark =
    wrong === null
      ? ""
      : `<g class="broken" role="img" aria-label="the wrong token came at ${ms(wrong)} ms"><line x1="${at}" y1="${TOP}" x2="${at}" y2="${height}"/><text x="${at}" y="${TOP - 1}">✕</text></g>`;
  return `<svg viewBox="0 0 ${WIDTH} ${height + 4}" role="group" aria-labelledby="blocks-title">
<title id="blocks-title">Blocks over time</title>
<text class="axis" x="${X.from}" y="14">time, ms</text>
${ticks.join("")}
${rows.join("\n")}
${mark}
</svg>`;
}

function blockRow(finding: Finding, { block, holdings }: HeldBlock, y: number, x: (ms: number) => number): string {
  const bars = holdings.map(({ from, request, to }) => {
    const [left, right] = [x(from / 1000), x(to / 1000)];
    const name =
      right - left < 16 ? "" : `<text x="${px((left + right) / 2)}" y="${y + 14}">${escapeHtml(request)}</text>`;
    return `<g class="${roleOf(finding, request)}"><rect class="segment" x="${px(left)}" y="${y}" width="${px(right - left)}" height="${BAR}"/>${name}</g>`;
  });
  const words = holdings.map(({ from, request }) => {
    const role = ROLES[roleOf(finding, request)];
    return `${request}${role === "" ? "" : ` (${role})`} from ${ms(from)} ms`;
  });
  return `<g role="img" tabindex="0" aria-label="${escapeHtml(`block ${block}: ${words.join(", then ")}`)}"><text class="name" x="4" y="${y + 14}">block ${block}</text>${bars.join("")}</g>`;
}
