/** Prometheus text, as far as counters need it: `name{labels} value`, summed over labels. */

import type { MetricsMap } from "./profile.ts";

interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

function* samplesOf(text: string): Generator<Sample> {
  for (const line of text.split("\n")) {
    const match = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)/.exec(line);
    if (!match) continue;
    const labels = (match[2] ?? "").matchAll(/([A-Za-z_]\w*)="((?:[^"\\]|\\.)*)"/g);
    const value = Number(match[3]);
    if (!Number.isFinite(value)) continue;
    yield {
      name: match[1]!,
      labels: Object.fromEntries(Array.from(labels, ([, key, text]) => [key, text!.replace(/\\(.)/g, "$1")])),
      value,
    };
  }
}

/** Sum of the samples of a series that have its labels, and any others; null where there are none. */
function seriesValue(samples: readonly Sample[], series: string): number | null {
  const [wanted] = samplesOf(`${series} 0`);
  const found = samples.filter(
    ({ name, labels }) =>
      name === wanted!.name && Object.entries(wanted!.labels).every(([key, value]) => labels[key] === value),
  );
  return found.length === 0 ? null : found.reduce((sum, { value }) => sum + value, 0);
}

/** Labels of the first sample of a series: what an `info` metric says. Null where there is none. */
export function labelsOf(text: string, name: string): Readonly<Record<string, string>> | null {
  for (const sample of samplesOf(text)) if (sample.name === name) return sample.labels;
  return null;
}

/** Crosstalk's names with their values. A name of which any series is missing is left out: unknown, not zero. */
export function namedValues(text: string, names: MetricsMap["counters"]): Record<string, number> {
  const samples = [...samplesOf(text)];
  const named: Record<string, number> = {};
  for (const [name, series] of Object.entries(names)) {
    const values = series.map((s) => seriesValue(samples, s));
    if (values.every((v) => v !== null)) named[name] = values.reduce((sum, v) => sum + v, 0);
  }
  return named;
}

/** `after - before` for every name both have. A counter that went backwards (a restart) is left out. */
export function counterDifference(
  before: Readonly<Record<string, number>>,
  after: Readonly<Record<string, number>>,
): Record<string, number> {
  const difference: Record<string, number> = {};
  for (const [name, value] of Object.entries(after)) {
    const from = before[name];
    if (from !== undefined && value >= from) difference[name] = value - from;
  }
  return difference;
}
