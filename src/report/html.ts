/** HTML as text: everything that comes from outside goes through `escapeHtml`. */

/** Of every page: light and dark by the reader's choice, on paper light, with everything open. Nothing moves. */
const STYLE = `:root{color-scheme:light dark;--ink:#1d2329;--soft:#59636e;--paper:#fff;--line:#d5dae0;--fault:#b3261e;--victim:#0b62a8;--owner:#8a5a00;--other:#69737d}
@media screen and (prefers-color-scheme:dark){:root{--ink:#e6e9ed;--soft:#a3adb8;--paper:#14181d;--line:#39424c;--fault:#ff8a80;--victim:#74b9f5;--owner:#e5b04c;--other:#98a2ad}}
*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{max-width:62rem;margin:auto;padding:2rem 1rem}h1{line-height:1.2;margin:0;overflow-wrap:anywhere}h2{margin:2.2rem 0 .6rem;font-size:1.15rem}p{max-width:44rem;overflow-wrap:anywhere}a{color:var(--victim)}
.class{color:var(--fault);font-weight:600;margin:0}.box{overflow-x:auto}:focus-visible{outline:3px solid var(--victim);outline-offset:2px}
.unseen{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
table{border-collapse:collapse;font-size:.9rem}caption{text-align:left;color:var(--soft)}th,td{text-align:left;padding:.25rem 1rem .25rem 0;border-bottom:1px solid var(--line);vertical-align:top}
pre{overflow-x:auto;padding:.8rem;border:1px solid var(--line)}
svg{display:block;min-width:44rem;width:100%}svg text{font-size:12px;fill:currentColor;text-anchor:middle}svg .name{text-anchor:start;font-weight:600}svg .role{text-anchor:start}svg .axis{fill:var(--soft);text-anchor:start}svg .tick{text-anchor:middle}
@media print{main{padding:0}.box,pre{overflow:visible}pre{white-space:pre-wrap}svg{min-width:0}h2{break-after:avoid}tr,svg{break-inside:avoid}details::details-content{content-visibility:visible;block-size:auto}}`;

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (c) => ENTITIES[c]!);
}

/** A page that needs no network and no script. @param style of this page, after the style of all @param body HTML */
export function htmlPage(title: string, style: string, body: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escapeHtml(title)}</title><style>${STYLE}
${style}</style></head>
<body><main>
${body}
</main></body></html>
`;
}

export const paragraph = (text: string): string => `<p>${escapeHtml(text)}</p>`;

export function code(text: string, label: string): string {
  return `<pre tabindex="0" role="region" aria-label="${escapeHtml(label)}">${escapeHtml(text)}</pre>`;
}

/** HTML that is escaped already, for a cell of a table. */
interface Html {
  readonly html: string;
}

/** @param href within the folder of the page */
export const htmlLink = (href: string, text: string): Html => ({
  html: `<a href="${escapeHtml(href)}">${escapeHtml(text)}</a>`,
});

type Cell = string | Html;

const cellHtml = (cell: Cell): string => (typeof cell === "string" ? escapeHtml(cell) : cell.html);

/** A table with a caption, of text that it escapes, or of links; the first cell of a row is its heading. */
export function htmlTable(caption: string, head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const columns = head.map((text) => `<th scope="col">${escapeHtml(text)}</th>`).join("");
  const body = rows.map(([first, ...rest]) => {
    const cells = rest.map((cell) => `<td>${cellHtml(cell)}</td>`).join("");
    return `<tr><th scope="row">${cellHtml(first!)}</th>${cells}</tr>`;
  });
  return `<div class="box" tabindex="0" role="region" aria-label="${escapeHtml(caption)}"><table>
<caption>${escapeHtml(caption)}</caption>
<thead><tr>${columns}</tr></thead>
<tbody>
${body.join("\n")}
</tbody></table></div>`;
}
