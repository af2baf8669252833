/**
 * Nonces and branches. Under a nonce each generated token also tests every key of its context, so that an answer tells of
 * cells which no value betrays: keys alone, cells that were never written, cells with digits of the prompt's own families.
 */

import { seededRandom } from "../random.ts";
import { isSend, type Part, partLength, type SendStep, type Trace } from "../trace/schema.ts";
import { BRANCHES, NONCES } from "../tracer/vocabulary.ts";

/** Share of traces with marks. The others name what was read: an alarm does not. */
const SHARE = 1 / 3;

/** @param seed of its own: what the trace sends, and when, does not depend on the marks */
export function sometimesMarked(trace: Trace, seed: number): Trace {
  const random = seededRandom(seed ^ 0x3a4d5);
  return random.next() < SHARE ? marked(trace, random.int(0, NONCES - 1)) : trace;
}

/**
 * Prompts that begin with the same segment share a nonce, and those that go on with the same one a branch, so that
 * prompts share what they shared before. Each mark takes the place of a cell: blocks begin and end where they did.
 * @param first nonce of the first trunk; each further one has the next
 */
export function marked(trace: Trace, first: number): Trace {
  const nonces = numbered(NONCES, first);
  const branches = new Map<string, (id: string) => number>();
  const mark = (step: SendStep): SendStep => {
    const [trunk, next, ...rest] = step.prompt;
    if (!isLong(trace, trunk)) return step;
    const nonce: Part[] = [{ nonce: nonces(trunk.seg) }, withoutFirst(trunk)];
    if (!isLong(trace, next)) return { ...step, prompt: [...nonce, ...(next ? [next] : []), ...rest] };
    if (!branches.has(trunk.seg)) branches.set(trunk.seg, numbered(BRANCHES, 0));
    const branch = branches.get(trunk.seg)!(next.seg);
    return { ...step, prompt: [...nonce, { branch }, withoutFirst(next), ...rest] };
  };
  return { ...trace, steps: trace.steps.map((step) => (isSend(step) ? mark(step) : step)) };
}

/** A number for each name, one after the other and round again. */
function numbered(count: number, first: number): (name: string) => number {
  const known = new Map<string, number>();
  return (name) => {
    const number = known.get(name) ?? (first + known.size) % count;
    known.set(name, number);
    return number;
  };
}

type Piece = Extract<Part, { seg: string }>;

/** Whether a part is a piece of a segment that can spare a cell. */
function isLong(trace: Trace, part: Part | undefined): part is Piece {
  return part !== undefined && "seg" in part && partLength(trace, part) > 1;
}

const withoutFirst = (piece: Piece): Piece => ({ ...piece, from: (piece.from ?? 0) + 1 });
