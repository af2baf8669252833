import { expect, test } from "vitest";
import { payloadToken, rungToken, scanToken } from "../tracer/vocabulary.ts";
import { GREEDY, sampled } from "./sampler.ts";

const nothing = () => [];

test("an allowed answer is not changed by its mask", () => {
  const answer = payloadToken([1, 2, 3]);
  expect(sampled(answer, GREEDY, nothing, [payloadToken([1, 2, 4]), answer])).toBe(answer);
  expect(sampled(rungToken(2, 0), GREEDY, nothing, [rungToken(2, 0), rungToken(2, 1)])).toBe(rungToken(2, 0));
});

test("where the answer is not allowed, the likeliest token that is comes out", () => {
  const near = payloadToken([1, 2, 9]);
  expect(sampled(payloadToken([1, 2, 3]), GREEDY, nothing, [payloadToken([7, 8, 9]), near])).toBe(near);
  expect(sampled(rungToken(2, 0), GREEDY, nothing, [rungToken(2, 3), rungToken(2, 1)])).toBe(rungToken(2, 1));
  const scan = scanToken([1, 4]);
  expect(sampled(rungToken(2, 0), GREEDY, nothing, [scan])).toBe(scan);
});
