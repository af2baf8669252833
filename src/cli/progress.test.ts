import { expect, test } from "vitest";
import { NO_COVERAGE } from "../check/coverage.ts";
import { narrate, progressTo } from "./progress.ts";

/** What a campaign's runs say, one after each of `times`, in seconds. */
function written({ isTTY, times }: { isTTY: boolean; times: readonly number[] }): string {
  let text = "";
  let now = 0;
  const write = (piece: string) => {
    text += piece;
    return true;
  };
  const progress = progressTo({ isTTY, columns: 100, write } as never, false, () => now);
  for (const time of times) {
    now = time * 1000;
    const total = { ...NO_COVERAGE, requests: time, cancels: 2, prefixHitTokens: 30, preemptions: 4 };
    narrate({ type: "ran", total } as never, { findings: 1, left: 187_000 - now }, progress);
  }
  return text;
}

test("on a terminal one line changes: requests, cancels, hits, preemptions, findings and the time left", () => {
  expect(written({ isTTY: true, times: [1, 2] })).toBe(
    "  1 requests, 2 cancels, 30 hits, 4 preemptions, 1 finding, 3:06 left" +
      "\r\x1b[2K  2 requests, 2 cancels, 30 hits, 4 preemptions, 1 finding, 3:05 left",
  );
});

test("elsewhere a line stays for each minute, and no more", () => {
  const lines = written({ isTTY: false, times: [1, 59, 61, 62, 120, 121, 300] }).split("\n");
  expect(lines.map((line) => Number(/(\d+) requests/.exec(line)?.[1]))).toEqual([61, 121, 300, Number.NaN]);
  expect(lines[0]).toContain("1 finding, 2:06 left");
  expect(lines.at(-2)).toContain("0:00 left");
});
