import { expect, test } from "vitest";
import { llamaCpp } from "./engines/llama-cpp.ts";
import { vllm } from "./engines/vllm.ts";
import { settingsIn, withoutSettings } from "./settings.ts";

test("settings are the profile's knobs, with their values", () => {
  expect(settingsIn(llamaCpp.serve, llamaCpp.knobs)).toEqual(["-np 4", "-c 2048", "-b 64", "-ub 64", "--cache-ram 0"]);
  expect(settingsIn(["vllm", "--no-async-scheduling", "--block-size", "32", "--x"], vllm.knobs)).toEqual([
    "--no-async-scheduling",
    "--block-size 32",
  ]);
});

test("words go by whole settings, and what is not there is left alone", () => {
  const words = ["-np", "4", "-c", "2048", "--metrics", "-c"];
  expect(withoutSettings(words, ["-c 2048", "--metrics", "-b 64"])).toEqual(["-np", "4", "-c"]);
  expect(withoutSettings(words, [])).toEqual(words);
});
