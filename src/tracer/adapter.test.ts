import { describe, expect, test } from "vitest";
import { type Random, seededRandom } from "../random.ts";
import { ADAPTERS, type AdapterName, storedGroups, storedToken, storedValue } from "./adapter.ts";
import { adapterWeights } from "./adapter-weights.ts";
import { LADDER, LEAST_LEAD } from "./dice.ts";
import { findRead, narrowRead } from "./read-tokens.ts";
import { bf16, exact, f16, ReferenceAdapter, ReferenceModel, type Rounding } from "./reference/forward.ts";
import { layersOf, type TracerShape, tracerShape } from "./shape.ts";
import { Twins } from "./testing/twins.ts";
import {
  BASE,
  branchToken,
  diceToken,
  digitsOf,
  distinctRun,
  groupsOfSegment,
  nonceToken,
  payloadRun,
  payloadToken,
  rungToken,
  scanToken,
  tokenKind,
  tokenName,
} from "./vocabulary.ts";
import { tracerWeights } from "./weights.ts";

type Under = AdapterName | null;
const UNDER: readonly Under[] = [null, ...ADAPTERS];

/** A model with its adapters, as an engine has them: the base's weights, and changes that it adds. */
function server(shape: TracerShape, round: Rounding = exact) {
  const base = tracerWeights(shape, "neighbours");
  const model = new ReferenceModel(base, round);
  const adapters = new Map(ADAPTERS.map((a) => [a, new ReferenceAdapter(adapterWeights(base, a), round)]));
  return (slots: number) => new Twins(model, slots, adapters);
}

interface Prompt {
  readonly tokens: readonly number[];
  readonly family: number;
}

/** A distinct run and a plain one, so that every read has one answer; `marked`: with a nonce, and a branch between them. */
function prompt(random: Random, marked: boolean): Prompt {
  const family = random.int(0, 63);
  const [first, second] = [distinctRun(random.int(0, 1e9), family, 24), payloadRun(random.int(0, 1e9), family, 24)];
  const tokens = marked
    ? [nonceToken(random.int(0, 255)), ...first, branchToken(random.int(0, 15)), ...second]
    : [...first, ...second];
  return { tokens, family };
}

const shown = (under: Under, token: number): number => payloadToken(digitsOf(storedToken(under, token)));

/** Reads of all kinds, each with its right answers under an adapter. */
function reads(random: Random, { tokens, family }: Prompt, under: Under) {
  const groups = storedGroups(under, groupsOfSegment({ family, distinct: true }));
  const back = random.int(3, tokens.length);
  const narrow = [...narrowRead(back)];
  const scan = [scanToken([groups])];
  const sought = tokens.filter((t, i) => {
    const pair = digitsOf(t).slice(0, 2).join();
    return pair !== "0,0" && tokens.every((u, j) => i === j || digitsOf(u).slice(0, 2).join() !== pair);
  });
  const found = random.pick(sought);
  const [x, y] = digitsOf(found);
  return [
    {
      read: narrow,
      right: [...tokens, ...narrow]
        .slice(tokens.length - back)
        .slice(0, 3)
        .map((t) => shown(under, t)),
    },
    { read: scan, right: [scan[0]!, scan[0]!, scan[0]!] },
    { read: [...findRead([x, y])], right: new Array<number>(3).fill(shown(under, found)) },
  ];
}

const SLOTS = 80;

test("adapters change every payload token, each to a family of its own, and leave what is no payload", () => {
  for (const a of ADAPTERS) {
    for (let digit = 0; digit < 3; digit++) {
      expect(storedValue(a, digit, 0)).toBe(0);
      const stored = Array.from({ length: BASE - 1 }, (_, i) => storedValue(a, digit, i + 1));
      expect(stored.every((value, i) => value > 0 && value >> 2 !== (i + 1) >> 2)).toBe(true);
    }
    expect(storedToken(a, scanToken([5]))).toBe(scanToken([5]));
    for (let family = 0; family < 64; family++) {
      const groups = groupsOfSegment({ family });
      const run = [...payloadRun(family, family, 30)];
      const moved = [...storedGroups(a, groups)].map((g) => g[0]);
      for (const token of run) expect(digitsOf(storedToken(a, token)).map((d) => d >> 2)).toEqual(moved);
    }
  }
  for (const [i, a] of UNDER.entries())
    for (const b of UNDER.slice(i + 1)) {
      const differ = digitsOf(storedToken(a, payloadToken([5, 9, 14]))).filter(
        (d, place) => d !== digitsOf(storedToken(b, payloadToken([5, 9, 14])))[place],
      );
      expect(differ.length).toBeGreaterThanOrEqual(2);
    }
});

const SHAPES = [tracerShape(), tracerShape({ readLayers: 4, kvHeads: 2 }), tracerShape({ kvHeads: 4, headSize: 64 })];

describe.each(SHAPES)("a tracer of %o", (shape) => {
  const twinsOf = server(shape);

  test.each(UNDER)("answers under %s as predicted over its own cells, by more than 20 nats", (under) => {
    for (let seed = 0; seed < 4; seed++) {
      const random = seededRandom(seed);
      const asked = prompt(random, seed % 2 === 0);
      for (const { read, right } of reads(random, asked, under)) {
        const twins = twinsOf(SLOTS);
        let [start, chunk] = [0, [...asked.tokens, ...read]];
        for (const expected of right) {
          const { answer, token, margin } = twins.compute(start, chunk, under);
          expect([tokenName(token), ...answer.map(tokenName)]).toEqual([tokenName(expected), tokenName(expected)]);
          expect(margin).toBeGreaterThan(20);
          start += chunk.length;
          chunk = [token];
        }
      }
    }
  });

  test.each(["key", "value", "both"] as const)("answers as predicted over another adapter's cells (%s)", (part) => {
    let [certain, cases, alarms] = [0, 0, 0];
    for (let seed = 0; seed < 15; seed++) {
      const random = seededRandom(100 + seed);
      const under = UNDER[seed % 5]!;
      const other = random.pick(UNDER.filter((a) => a !== under));
      const asked = prompt(random, seed % 3 > 0);
      const { read, right } = random.pick(reads(random, asked, under));
      const [mine, theirs] = [twinsOf(SLOTS), twinsOf(SLOTS)];
      mine.compute(0, asked.tokens, under);
      theirs.compute(0, asked.tokens, other);
      const layers = random.next() < 0.5 ? [random.int(0, layersOf(shape) - 1)] : [...Array(layersOf(shape)).keys()];
      const from = random.int(0, asked.tokens.length - 17);
      const cells = random.pick([1, 16, asked.tokens.length - from]);
      for (const layer of layers)
        for (let slot = from; slot < from + cells; slot++) mine.copy(layer, slot, theirs, slot, part);
      const { answer, token } = mine.compute(asked.tokens.length, read, under);
      const context = `seed ${seed}: ${under} over ${other}, layers ${layers}, cells ${from}+${cells}, read ${read.map(tokenName)}, right ${tokenName(right[0]!)}`;
      if (answer.length > 0) expect(answer.map(tokenName), context).toContain(tokenName(token));
      cases++;
      if (answer.length === 1) certain++;
      const deep = layers.some((layer) => layer > 0);
      const marked = tokenKind(asked.tokens[0]!).kind === "nonce";
      if (marked && part !== "value" && deep) {
        expect(token, context).not.toBe(right[0]);
        if (tokenKind(token).kind === "err") alarms++;
      }
    }
    expect(certain).toBeGreaterThan(cases / 2);
    if (part !== "value") expect(alarms).toBeGreaterThan(2);
  });

  test.each(UNDER)("goes on over its own answer under %s: each lap has moved once more", (under) => {
    for (let seed = 0; seed < 3; seed++) {
      const random = seededRandom(200 + seed);
      const { tokens } = prompt(random, seed % 2 === 0);
      const back = random.int(2, 7);
      const held = [...tokens, ...narrowRead(back)];
      const twins = twinsOf(SLOTS);
      let [start, chunk] = [0, held.slice()];
      while (held.length < tokens.length + 3 + 2 * (back + 3) + 4) {
        const expected = shown(under, held[held.length - 3 - back]!);
        const { answer, token, margin } = twins.compute(start, chunk, under);
        expect([tokenName(token), ...answer.map(tokenName)]).toEqual([tokenName(expected), tokenName(expected)]);
        expect(margin).toBeGreaterThan(20);
        start += chunk.length;
        chunk = [token];
        held.push(token);
      }
    }
  });

  test.each(UNDER)("has the same ladders under %s", (under) => {
    const twins = twinsOf(SLOTS);
    const { tokens } = prompt(seededRandom(5), true);
    let [start, chunk] = [0, [...tokens, diceToken(6)]];
    for (const rung of [0, 3, 1]) {
      const { answer, logits } = twins.compute(start, chunk, under);
      expect(answer.map(tokenName)).toEqual([tokenName(rungToken(6, 0))]);
      for (const [lower, below] of LADDER.entries())
        expect(Math.abs(logits[rungToken(6, 0)]! - logits[rungToken(6, lower)]! - below)).toBeLessThan(LEAST_LEAD);
      start += chunk.length;
      chunk = [rungToken(6, rung)];
    }
  });

  test("a prefix of another adapter's cells is told by each read, and says whose it is", () => {
    for (const under of UNDER)
      for (const other of UNDER) {
        const random = seededRandom(7);
        const asked: Prompt = { tokens: [...payloadRun(3, 27, 40)], family: 27 };
        const scan = scanToken([storedGroups(under, groupsOfSegment({ family: 27 }))]);
        const at = random.int(0, 31);
        for (const read of [[scan], [...narrowRead(asked.tokens.length - at)]]) {
          const twins = twinsOf(SLOTS);
          twins.compute(0, asked.tokens.slice(0, 32), other);
          const { answer, token } = twins.compute(32, [...asked.tokens.slice(32), ...read], under);
          expect(answer.map(tokenName)).toContain(tokenName(token));
          if (read.length > 1) expect(tokenName(token)).toBe(tokenName(shown(other, asked.tokens[at]!)));
          else expect(tokenKind(token).kind).toBe(under === other ? "scan" : "bad");
        }
      }
  });
});

test.each([
  { name: "bf16", round: bf16 },
  { name: "f16", round: f16 },
])("$name: clean answers keep 20 nats at any depth, and a foreign adapter's cell is seen", ({ round }) => {
  for (const shape of [tracerShape(), tracerShape({ readLayers: 21 })]) {
    const twinsOf = server(shape, round);
    for (const under of ["a1", "a4"] as const) {
      const random = seededRandom(3);
      const asked = prompt(random, true);
      for (const { read, right } of reads(random, asked, under)) {
        const twins = twinsOf(SLOTS);
        const { token, margin } = twins.compute(0, [...asked.tokens, ...read], under);
        expect(tokenName(token)).toBe(tokenName(right[0]!));
        expect(margin).toBeGreaterThan(20);
        const other = twinsOf(SLOTS);
        other.compute(0, asked.tokens, null);
        twins.copy(2, 9, other, 9, "key");
        expect(tokenKind(twins.compute(asked.tokens.length, read, under).token).kind).toBe("err");
      }
    }
  }
});
