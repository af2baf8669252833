/** Prometheus text, as far as counters need it: `name{labels} value`, summed over labels. */

import type { MetricsMap } from "./profile.ts";

/** Values by series name; series that differ only in labels are added up. */
export function parsePrometheus(text: string): Map<string, number> {
  const values = new Map<string, number>();
  for (const line of text.split("\n")) {
    const match = /^([A-Za-z_:][\w:]*)(?:\{.*\})?\s+(\S+)/.exec(line);
    if (!match) continue;
    const value = Number(match[2]);
    if (Number.isFinite(value)) values.set(match[1]!, (values.get(match[1]!) ?? 0) + value);
  }
  return values;
}

/** Crosstalk's names with their values. A name of which any series is missing is left out: unknown, not zero. */
export function namedValues(text: string, names: MetricsMap["counters"]): Record<string, number> {
  const values = parsePrometheus(text);
  const named: Record<string, number> = {};
  for (const [name, series] of Object.entries(names)) {
    if (series.every((s) => values.has(s))) named[name] = series.reduce((sum, s) => sum + values.get(s)!, 0);
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
