import { expect, test } from "vitest";
import { baselineEntry, excused, notSeen, parseBaseline } from "./baseline.ts";
import { signatureOf } from "./check/signature.ts";
import { exampleFinding } from "./report/example.ts";

const example = exampleFinding();
const SIGNATURE = "llama.cpp/own-cells-only/foreign-or-stale-read/cancel";
const entry = { signature: SIGNATURE, link: "https://example.org/issues/1", expires: "2027-01-31" };
const baseline = (...known: readonly object[]) =>
  parseBaseline(JSON.stringify({ crosstalk: "crosstalk-baseline/1", known }), "known.json");

test("a failure is excused up to its last day, and no longer", () => {
  expect([...excused(baseline(entry), "2027-01-31")]).toEqual([SIGNATURE]);
  expect([...excused(baseline(entry), "2027-02-01")]).toEqual([]);
});

test("of what was not seen, the engine's own entries are named", () => {
  const other = { ...entry, signature: "vllm/settles/unsettled-request/plain" };
  const more = { ...entry, signature: "llama.cpp/settles/unsettled-request/plain" };
  expect(notSeen(baseline(entry, other, more), "llama.cpp", [example])).toEqual([more]);
});

test("the entry for a new finding matches it once its link is filled in, and is refused until then", () => {
  const line = JSON.parse(baselineEntry(example, "2026-11-29"));
  expect(line).toMatchObject({ signature: signatureOf(example), expires: "2027-02-27" });
  expect(() => baseline(line)).toThrow(/link/);
  const filled = baseline({ ...line, link: entry.link });
  expect([...excused(filled, "2026-11-29")]).toEqual([SIGNATURE]);
});

test.each([
  ["not JSON", "{", /known\.json: not JSON/],
  ["another version", '{"crosstalk":"crosstalk-baseline/2","known":[]}', /crosstalk/],
  ["an unknown field", JSON.stringify({ crosstalk: "crosstalk-baseline/1", known: [{ ...entry, why: 1 }] }), /why/],
  ["no day", JSON.stringify({ crosstalk: "crosstalk-baseline/1", known: [{ ...entry, expires: "soon" }] }), /a day/],
  ["an entry twice", JSON.stringify({ crosstalk: "crosstalk-baseline/1", known: [entry, entry] }), /stands twice/],
])("a baseline that is not one is refused: %s", (_, text, message) => {
  expect(() => parseBaseline(text, "known.json")).toThrow(message);
  expect(() => parseBaseline(text, "known.json")).toThrow(expect.objectContaining({ code: "INVALID_BASELINE" }));
});
