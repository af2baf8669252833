/** One random case: damage cells, ask, compare with the only right answer, mend. */

import type { Random } from "../../src/random.ts";
import { MAX_BACK, narrowToken } from "../../src/tracer/vocabulary.ts";
import type { Corruption, Scope } from "./corruptions.ts";
import type { Damage, Subject } from "./subject.ts";

/** A scan, a narrow read of a damaged cell, a narrow read of another cell. */
export const READS = ["scan", "narrow on it", "narrow elsewhere"] as const;
export type ReadName = (typeof READS)[number];

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
  const first = corruption?.content.kind === "donor" && corruption.content.samePosition ? subject.donorStart : meets;
  const reach = Math.max(first, subject.length - MAX_BACK + 2);
  const at = random.int(read === "narrow on it" ? reach : first, end - (corruption?.cells ?? 1));
  const hit = Array.from({ length: corruption?.cells ?? 1 }, (_, i) => at + i);
  const target = read === "narrow on it" ? random.pick(hit) : outside(hit, reach, end - 1, random);
  const back = subject.length - target + meets;
  const question = read === "scan" ? subject.scan : narrowToken(back);
  const right = (i: number): number => (read === "scan" ? subject.scan : subject.payload[target - meets + i]!);

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
    let token = question;
    for (let i = 0; i < tokens; i++) {
      if (when === "one-step" && i === 1) damage();
      token = subject.step(subject.length + i, token).token;
      if (when === "one-step" && i === 1) mend();
      if (token !== right(i)) return true;
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
    const back = random.int(STEPS, Math.min(subject.length, MAX_BACK - 1));
    let token = read === "scan" ? subject.scan : narrowToken(back);
    for (let i = 0; i < STEPS; i++) {
      const answer = subject.step(subject.length + i, token);
      const right = read === "scan" ? subject.scan : subject.payload[subject.length - back + i];
      if (answer.token !== right) return Number.NaN;
      smallest = Math.min(smallest, answer.margin);
      token = answer.token;
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
  const { readLayers, kvHeads } = subject.model.weights.shape;
  const layers = {
    all: () => Array.from({ length: readLayers + 1 }, (_, layer) => layer),
    "one-layer": () => [random.int(1, readLayers)],
    "one-head": () => [random.int(1, readLayers)],
    "fetch-layer": () => [0],
    "below-last": () => [random.int(1, readLayers - 1)],
    "last-layer": () => [readLayers],
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
      return { cells, slots: elsewhere(hit, subject.donorStart, subject.length, random) };
    }
    case "stale": {
      const slots = elsewhere(hit, 0, subject.length, random);
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
