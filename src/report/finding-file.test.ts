import { expect, test } from "vitest";
import type { Finding } from "../check/finding.ts";
import { formatHistory, parseHistory } from "../history/jsonl.ts";
import { exampleFinding } from "./example.ts";
import { formatFinding, parseFinding } from "./finding-file.ts";

const example = exampleFinding();
const { history, log, trace } = example;

test("a finding is read back as it was, with all that its classes can hold", () => {
  const adapter = { request: "r1", position: 3, place: "A[3]", adapter: "base" as const };
  const or = [{ class: "adapter mix-up" as const, origins: [adapter] }];
  const finding: Finding = { ...example, anomaly: { ...example.anomaly, index: null, position: null, or } };
  for (const one of [example, finding]) {
    expect(parseFinding(formatFinding(one), "finding.json", { trace, history, log, truncated: null })).toEqual(one);
  }
});

test("a history that lost its last lines is refused, a changed one is not", () => {
  const text = formatFinding(example);
  const lines = formatHistory(history).trimEnd().split("\n");
  const read = (kept: readonly string[]) =>
    parseFinding(text, "finding.json", { ...parseHistory(`${kept.join("\n")}\n`), trace, log });
  expect(() => read(lines.slice(0, -2))).toThrow(/history beside finding\.json is cut short, 9 of 11 events are there/);
  const later = lines.map((line) => line.replace('"t":47500', '"t":48000'));
  expect(read(later).history).not.toEqual(history);
});

test.each([
  ["not JSON", "{", /finding\.json: not JSON/],
  ["another version", formatFinding(example).replace("finding/1", "finding/9"), /crosstalk-finding\/1/],
  ["an unknown class", formatFinding(example).replace("foreign read", "odd read"), /anomaly\.class/],
])("%s is refused by name", (_, text, message) => {
  const read = () => parseFinding(text, "finding.json", { trace, history, log, truncated: null });
  expect(read).toThrow(message);
  expect(read).toThrow(expect.objectContaining({ code: "INVALID_FINDING" }));
});
