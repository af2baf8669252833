import { expect, test } from "vitest";
import { decodeNumbers, encodeNumbers } from "./number-format.ts";

const words = (numbers: number[], format: "bf16" | "f16") => {
  const bytes = encodeNumbers(Float32Array.from(numbers), format, "w");
  return Array.from(new Uint16Array(bytes.slice().buffer), (word) => word.toString(16));
};

test("F32 is the array's own bytes", () => {
  const numbers = Float32Array.of(1, -2.5);
  expect(encodeNumbers(numbers, "f32", "w")).toEqual(new Uint8Array(numbers.buffer));
});

test("BF16 rounds to the nearest, ties to even", () => {
  const tie = 2 ** -8;
  expect(words([0, 1, -2, 100, 1 + tie, 1 + 3 * tie, 1 + tie * 1.01, 2e10], "bf16")).toEqual(
    ["0", "3f80", "c000", "42c8", "3f80", "3f82", "3f81", "5095"], // 0x5095 is 19998441472
  );
});

// Bits from IEEE 754 binary16: 15 bits of exponent and mantissa below the sign.
test("F16 rounds to the nearest, ties to even, over subnormal numbers too", () => {
  const tie = 2 ** -11;
  expect(words([0, 1, -2, 65504, 1 + tie, 1 + 3 * tie, 1.9999], "f16")).toEqual(
    ["0", "3c00", "c000", "7bff", "3c00", "3c02", "4000"], // 1.9999 carries into the exponent
  );
  expect(words([2 ** -14, 2 ** -24, -(2 ** -25), 1.5 * 2 ** -24, 2 ** -26, 1023.5 * 2 ** -24], "f16")).toEqual([
    "400",
    "1",
    "8000",
    "2",
    "0",
    "400",
  ]);
});

test("F16 refuses what it cannot hold, by the tensor's name", () => {
  expect(() => encodeNumbers(Float32Array.of(65536), "f16", "lm_head")).toThrow(
    expect.objectContaining({ code: "INVALID_OPTION", message: expect.stringContaining("lm_head holds 65536") }),
  );
});

test("decoding what was encoded rounds once and no more", () => {
  const numbers = Float32Array.from({ length: 4000 }, (_, i) => Math.fround(((i - 2000) * Math.PI) / 100));
  for (const [format, error] of [
    ["f32", 0],
    ["bf16", 2 ** -8],
    ["f16", 2 ** -11],
  ] as const) {
    const once = decodeNumbers(encodeNumbers(numbers, format, "w"), format);
    expect(
      Math.max(...once.map((n, i) => Math.abs(n - numbers[i]!) / (Math.abs(numbers[i]!) || 1))),
    ).toBeLessThanOrEqual(error);
    expect(decodeNumbers(encodeNumbers(once, format, "w"), format)).toEqual(once);
  }
});
