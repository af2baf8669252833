import { expect, test } from "vitest";
import { fillIn, joinCommand, splitCommand } from "./command-line.ts";

test.each<[string, string[]]>([
  ["a b  c", ["a", "b", "c"]],
  [`a 'b c' "d e"f`, ["a", "b c", "d ef"]],
  [`a b\\ c '' "x\\"y"`, ["a", "b c", "", 'x"y']],
  ["a $HOME | b", ["a", "$HOME", "|", "b"]],
])("%s", (command, words) => {
  expect(splitCommand(command)).toEqual(words);
});

test("an open quote and an empty command are refused", () => {
  expect(() => splitCommand("a 'b")).toThrow("open '");
  expect(() => splitCommand("  ")).toThrow("empty");
});

test("only known blanks are filled in", () => {
  expect(fillIn(["-m", "{model.gguf}", '{"a":1}', "{other}", "x={port}"], { "model.gguf": "/m", port: "1" })).toEqual([
    ...["-m", "/m", '{"a":1}', "{other}", "x=1"],
  ]);
});

test("what is joined splits into the same words", () => {
  const words = ["a", "b c", "it's", '"', "", "x=1", "{}"];
  expect(splitCommand(joinCommand(words))).toEqual(words);
});
