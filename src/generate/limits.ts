/** How large a trace may be: what a target holds, and how much of it to ask for. */

import { CrosstalkError } from "../errors.ts";
import type { TargetDescription } from "../target/target.ts";
import type { RequestOption } from "../trace/options.ts";
import { NARROW_TOKENS } from "../tracer/read-tokens.ts";

export interface TraceLimits {
  /** Cells a block holds; 1 where the engine reuses single cells. */
  readonly blockSize: number;
  /** Cells in the pool that running requests share. */
  readonly poolCells: number;
  readonly maxRunning: number;
  /** The longest prompt plus answer. */
  readonly contextTokens: number;
  readonly topology: "single" | "pd";
  /** Requests wanted, about: patterns come whole. */
  readonly requests: number;
  /** Whether the target can empty its caches in the middle of a trace. */
  readonly supportsFlush: boolean;
  /**
   * Whether running requests may need more cells than the pool has: such an engine preempts one of them. Others fail
   * the request, which would look like a bug; for them `maxRunning` of the largest requests fit the pool.
   */
  readonly preempts: boolean;
  /** How late a step may fire before the run says nothing. */
  readonly toleranceMs: number;
  /** Options of requests that the target knows. */
  readonly options: readonly RequestOption[];
  /** Cells that the model's read layers see; null for all. */
  readonly window: number | null;
}

/** The smallest room for a prompt and its answer that leaves anything to try. */
const LEAST_CELLS = 16;

/** Cells a prompt's answer has room for at least. */
export const LEAST_ANSWER = 4;

type Described = Pick<TargetDescription, "blockSize" | "poolCells" | "maxRunning" | "contextTokens" | "topology"> &
  Partial<Pick<TargetDescription, "options" | "written">>;

/** Limits for a target: 36 requests, no flushes, preemption where the engine works with blocks, 50 ms of tolerance. */
export function limitsOf(target: Described, wanted: Partial<TraceLimits> = {}): TraceLimits {
  const { blockSize, poolCells, maxRunning, contextTokens, topology, options = [] } = target;
  return {
    blockSize,
    poolCells,
    maxRunning,
    contextTokens,
    topology,
    requests: 36,
    supportsFlush: false,
    preempts: blockSize > 1,
    toleranceMs: 50,
    options,
    window: target.written?.shape.window ?? null,
    ...wanted,
  };
}

/**
 * Cells that one request may take, prompt and answer together. One short of the context, where engines disagree about
 * the last cell, and at most half the pool, so that no request is alone in it.
 * @throws CrosstalkError INVALID_OPTION when that leaves no room to try anything
 */
export function cellsPerRequest(limits: TraceLimits): number {
  const { poolCells, maxRunning, contextTokens, blockSize, preempts } = limits;
  const share = Math.floor(poolCells / (preempts ? 2 : Math.max(2, maxRunning)) / blockSize) * blockSize;
  const cells = Math.min(contextTokens - 1, share);
  if (cells >= LEAST_CELLS) return cells;
  throw new CrosstalkError(
    "INVALID_OPTION",
    `a context of ${contextTokens} tokens, a pool of ${poolCells} cells and ${maxRunning} running requests leave ${Math.max(0, cells)} cells a request, and ${LEAST_CELLS} are the least`,
    "Start the engine with a larger pool or context, or with fewer running requests.",
  );
}

/** Payload cells that a prompt may have, beside its read and the shortest answer. */
export function payloadRoom(limits: TraceLimits): number {
  return cellsPerRequest(limits) - NARROW_TOKENS - LEAST_ANSWER;
}

/** Requests that one burst may have: some above what runs at once, and never most of the trace. */
export function burstSize(limits: TraceLimits, above: number): number {
  return Math.max(3, Math.min(limits.maxRunning + above, Math.floor(limits.requests / 3)));
}
