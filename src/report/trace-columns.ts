/** A campaign's traces in order, in so few columns that they can be drawn. */

import { addCoverage, type Coverage, NO_COVERAGE } from "../check/coverage.ts";
import type { RunLine } from "./run-line.ts";

/** Traces that follow each other. */
export interface TraceColumn {
  /** Numbers of its first and last trace, from 1. */
  readonly from: number;
  readonly to: number;
  /** Name of the first. */
  readonly name: string;
  readonly counts: Coverage;
  /** Laws that broke in it. */
  readonly broken: readonly string[];
}

/** @param most columns, each of equally many traces but for the last */
export function traceColumns(runs: readonly RunLine[], most: number): TraceColumn[] {
  const each = Math.max(1, Math.ceil(runs.length / most));
  return Array.from({ length: Math.ceil(runs.length / each) }, (_, i) => {
    const part = runs.slice(i * each, (i + 1) * each);
    const broken = part.flatMap(({ verdicts }) =>
      Object.entries(verdicts).flatMap(([law, status]) => (status === "fail" ? [law] : [])),
    );
    return {
      from: i * each + 1,
      to: i * each + part.length,
      name: part[0]!.trace,
      counts: part.reduce((sum, { counts }) => addCoverage(sum, counts), NO_COVERAGE),
      broken: [...new Set(broken)],
    };
  });
}
