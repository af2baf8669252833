/** Small plots one above the other, over one axis: how much of each thing there was, and where something broke. */

import { scaleLinear } from "d3-scale";
import { escapeHtml } from "./html.ts";
import { px } from "./numbers.ts";

export interface Strip {
  readonly name: string;
  /** What the values say, in words, for those who do not see them. */
  readonly about: string;
  /** One a column. */
  readonly values: readonly number[];
}

export interface Strips {
  readonly title: string;
  /** What the axis counts. */
  readonly axis: string;
  /** The axis's value at the left edge of the first column, and at the right edge of the last. */
  readonly domain: readonly [number, number];
  readonly strips: readonly Strip[];
  /** Columns in which something broke, by number, and how often. */
  readonly broken: ReadonlyMap<number, string>;
}

const WIDTH = 960;
const X = { from: 150, to: 940 };
const TOP = 40;
const ROW = 46;
const BAR = 34;
/** Between two columns, where they are wide enough. */
const GAP = 0.15;

export const STRIPS_STYLE = `.bars{fill:currentColor;fill-opacity:.55}.base{stroke:var(--line)}.broken line{stroke:var(--fault);stroke-width:1.5;stroke-dasharray:3 2}.broken text{fill:var(--fault);font-weight:600}`;

/** SVG, 960 units wide. */
export function stripsSvg({ axis, broken, domain, strips, title }: Strips): string {
  const columns = Math.max(1, ...strips.map(({ values }) => values.length));
  const height = TOP + strips.length * ROW;
  const column = scaleLinear([0, columns], [X.from, X.to]);
  const along = scaleLinear(domain, [X.from, X.to]);
  const ticks = along.ticks(6).filter(Number.isInteger);
  const labels = ticks.map((n) => `<text class="axis tick" x="${px(along(n))}" y="32">${n}</text>`);
  const rows = strips.map((strip, i) => stripRow(strip, TOP + i * ROW, column));
  const marks = Array.from(broken, ([at, what]) => {
    const x = px(column(at + 0.5));
    return `<g class="broken" role="img" aria-label="${escapeHtml(what)}"><line x1="${x}" y1="${TOP}" x2="${x}" y2="${height}"/><text x="${x}" y="${TOP + 4}">✕</text></g>`;
  });
  return `<svg viewBox="0 0 ${WIDTH} ${height + 8}" role="group" aria-labelledby="strips-title">
<title id="strips-title">${escapeHtml(title)}</title>
<text class="axis" x="${X.from}" y="14">${escapeHtml(axis)}</text>
${labels.join("")}
${rows.join("\n")}
${marks.join("\n")}
</svg>`;
}

function stripRow({ about, name, values }: Strip, top: number, column: (at: number) => number): string {
  const most = Math.max(0, ...values);
  const bottom = top + BAR;
  const y = scaleLinear([0, Math.max(1, most)], [bottom, top + 6]);
  const width = column(1) - column(0);
  const gap = width > 8 ? width * GAP : 0;
  const bars = values.flatMap((value, i) => {
    if (value === 0) return [];
    const [from, to] = [px(column(i) + gap), px(column(i + 1) - gap)];
    return [`M${from} ${bottom}V${px(y(value))}H${to}V${bottom}z`];
  });
  return `<g class="other" role="img" tabindex="0" aria-label="${escapeHtml(`${name}: ${about}`)}">
<text class="name" x="4" y="${top + 18}">${escapeHtml(name)}</text><text class="axis" x="4" y="${top + 33}">at most ${most}</text>
<line class="base" x1="${X.from}" y1="${bottom}" x2="${X.to}" y2="${bottom}"/><path class="bars" d="${bars.join("")}"/></g>`;
}
