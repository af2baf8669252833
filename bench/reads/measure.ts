/** One random case: damage cells, ask, compare with the only right answer, mend. */

import type { Random } from "../../src/random.ts";
import { findRead, narrowRead } from "../../src/tracer/read-tokens.ts";
import { layersOf } from "../../src/tracer/shape.ts";
import { digitsOf } from "../../src/tracer/vocabulary.ts";
import type { Corruption, Scope } from "./corruptions.ts";
import type { Damage, Kind, Subject } from "./subject.ts";

/**
 * A scan; a narrow read of a damaged cell, and of another cell; a find read of a damaged cell. Under a nonce: a narrow
 * read of another cell, so that only the alarm can tell, and a scan, which is what a campaign sends.
 */
export const READS = ["scan", "narrow on it", "narrow elsewhere", "find it", "alarm", "scan and alarm"] as const;
export type ReadName = (typeof READS)[number];

/** The prompt that a read is asked over. */
export const KIND_OF: Readonly<Record<ReadName, Kind>> = {
  scan: "plain",
  "narrow on it": "plain",
  "narrow elsewhere": "plain",
  "find it": "distinct",
  alarm: "marked",
  "scan and alarm": "marked",
};

/** Cells of the chunk that runs over damaged cells, and tokens of an answer that is damaged in its second one. */
const CHUNK = 16;
const STEPS = 3;

/** Whether the read's answer was wrong in one random case. Without a corruption nothing is damaged. */
export function isFound(
  subject: Subject,
  corruption: Corruption | null,
  scope: Scope,
  read: ReadName,
  random: Random,
): boolean {
  const when = corruption?.when ?? "lasting";
  const tokens = when === "one-step" ? STEPS : 1;
  // The token of the answer that meets the damage: the first one, or the second where the damage lasts for one step.
  const meets = when === "one-step" ? 1 : 0;
  const end = subject.length - (when === "one-chunk" ? CHUNK : STEPS);
  const { content } = corruption ?? {};
  const lowest = subject.firstPayload + meets;
  const first = content?.kind === "donor" && content.samePosition ? Math.max(subject.donorStart, lowest) : lowest;
  const at = random.int(first, end - (corruption?.cells ?? 1));
  const hit = Array.from({ length: corruption?.cells ?? 1 }, (_, i) => at + i);
  const onIt = read === "narrow on it" || read === "find it";
  const target = onIt ? random.pick(hit) : outside(hit, lowest, end - 1, random);
  const [x, y] = digitsOf(subject.payload[target]!);
  const scans = read === "scan" || read === "scan and alarm";
  const question = scans
    ? [subject.scan]
    : read === "find it"
      ? findRead([x, y])
      : narrowRead(subject.length - target + meets);
  const right = (i: number): number =>
    scans ? subject.scan : subject.payload[read === "find it" ? target : target - meets + i]!;

  const chunk = Array.from({ length: CHUNK }, (_, i) => subject.length - CHUNK + i);
  const mend = subject.keep(hit);
  const mendChunk = when === "one-chunk" ? subject.keep(chunk) : () => {};
  const damage = (): void => {
    if (corruption) apply(subject, corruption, damageOf(subject, corruption, scope, random), hit, random);
  };
  try {
    if (when !== "one-step") damage();
    if (when === "one-chunk") {
      subject.recompute(subject.length - CHUNK);
      mend();
    }
    let asked: readonly number[] = question;
    for (let i = 0, position = subject.length; i < tokens; i++) {
      if (when === "one-step" && i === 1) damage();
      const { token } = subject.step(position, asked);
      position += asked.length;
      if (when === "one-step" && i === 1) mend();
      if (token !== right(i)) return true;
      asked = [token];
    }
    return false;
  } finally {
    mend();
    mendChunk();
  }
}

/** Smallest distance to the runner-up in `answers` clean answers of three tokens, nats. */
export function cleanMargin(subject: Subject, read: "scan" | "narrow", answers: number, random: Random): number {
  let smallest = Number.POSITIVE_INFINITY;
  for (let n = 0; n < (read === "scan" ? 1 : answers); n++) {
    const back = random.int(STEPS, subject.length - subject.firstPayload);
    let asked: readonly number[] = read === "scan" ? [subject.scan] : narrowRead(back);
    for (let i = 0, position = subject.length; i < STEPS; i++) {
      const answer = subject.step(position, asked);
      position += asked.length;
      const right = read === "scan" ? subject.scan : subject.payload[subject.length - back + i];
      if (answer.token !== right) return Number.NaN;
      smallest = Math.min(smallest, answer.margin);
      asked = [answer.token];
    }
  }
  return smallest;
}

function outside(hit: readonly number[], low: number, high: number, random: Random): number {
  for (;;) {
    const target = random.int(low, high);
    if (!hit.includes(target)) return target;
  }
}

function damageOf(subject: Subject, { part }: Corruption, scope: Scope, random: Random): Damage {
  const { kvHeads } = subject.model.weights.shape;
  const count = layersOf(subject.model.weights.shape);
  const layers = {
    all: () => Array.from({ length: count }, (_, layer) => layer),
    "one-layer": () => [random.int(1, count - 1)],
    "one-head": () => [random.int(1, count - 1)],
    "first-layer": () => [0],
    "below-last": () => [random.int(1, count - 2)],
    "last-layer": () => [count - 1],
  }[scope]();
  return { layers, head: scope === "one-head" ? random.int(0, kvHeads - 1) : undefined, part };
}

function apply(
  subject: Subject,
  { content }: Corruption,
  damage: Damage,
  hit: readonly number[],
  random: Random,
): void {
  const { layers, head, part } = damage;
  const from = sources(subject, content, hit, random);
  for (const layer of layers) {
    for (const [i, slot] of hit.entries()) {
      if (from === null) subject.cells.zero(layer, slot, part, head);
      else subject.cells.copy(layer, slot, from.cells, from.slots[i]!, part, head);
    }
  }
}

/** Where each damaged cell's content comes from; null for zeros. */
function sources(subject: Subject, content: Corruption["content"], hit: readonly number[], random: Random) {
  switch (content.kind) {
    case "zero":
      return null;
    case "donor": {
      const cells = subject.donors.get(content.donor)!;
      if (content.samePosition) return { cells, slots: hit };
      return {
        cells,
        slots: elsewhere(hit, Math.max(subject.donorStart, subject.firstPayload), subject.length, random),
      };
    }
    case "stale": {
      const slots = elsewhere(hit, subject.firstPayload, subject.length, random);
      return { cells: subject.cells, slots };
    }
    case "reordered": {
      // The kept copy is read while the cells are overwritten.
      const cells = subject.model.cells(hit.length);
      for (let layer = 0; layer < subject.model.layers.length; layer++) {
        for (const [i, slot] of hit.entries()) cells.copy(layer, i, subject.cells, slot);
      }
      return { cells, slots: hit.map((_, i) => (i + 1) % hit.length) };
    }
  }
}

/** As many positions in a row within [low, high), none of them in `hit`. */
function elsewhere(hit: readonly number[], low: number, high: number, random: Random): number[] {
  for (;;) {
    const start = random.int(low, high - hit.length);
    if (Math.abs(start - hit[0]!) >= hit.length) return hit.map((_, i) => start + i);
  }
}
