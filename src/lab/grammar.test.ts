import { expect, test } from "vitest";
import { EOS } from "../tracer/vocabulary.ts";
import { GrammarMatcher } from "./grammar.ts";

const matcher = () =>
  new GrammarMatcher([
    [11, 12, 13],
    [11, 22, 23],
    [31, 32, 33],
  ]);

test("what may come next are the next tokens of the sentences that begin so", () => {
  const grammar = matcher();
  expect(grammar.allowed).toEqual([11, 31]);
  expect(grammar.accept(11)).toBe(true);
  expect(grammar.allowed).toEqual([12, 22]);
  expect(grammar.accept(22)).toBe(true);
  expect(grammar.allowed).toEqual([23]);
});

test("a token that may not come does not move it", () => {
  const grammar = matcher();
  grammar.accept(31);
  expect(grammar.accept(12)).toBe(false);
  expect(grammar.allowed).toEqual([32]);
  expect(grammar.length).toBe(1);
});

test("tokens are taken back, and another sentence may be taken then", () => {
  const grammar = matcher();
  for (const token of [11, 12, 13]) grammar.accept(token);
  grammar.rollback(2);
  expect(grammar.allowed).toEqual([12, 22]);
  grammar.rollback(1);
  expect(grammar.accept(31)).toBe(true);
  grammar.rollback(0);
  expect(grammar.length).toBe(1);
});

test("behind a sentence comes the end token, again and again", () => {
  const grammar = matcher();
  for (const token of [31, 32, 33]) grammar.accept(token);
  expect(grammar.allowed).toEqual([EOS]);
  expect(grammar.accept(EOS)).toBe(true);
  expect(grammar.allowed).toEqual([EOS]);
});
