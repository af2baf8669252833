import { describe, expect, test } from "vitest";
import { labConfig } from "./config.ts";
import { LAB_PRESET_NAMES, type LabPresetName } from "./presets.ts";
import { labTarget } from "./target.ts";
import { countersOf, mistakes, runOnLab } from "./testing/lab-run.ts";
import { type RandomTraceOptions, randomTrace, withParameters } from "./testing/random-trace.ts";

/** Long prompts with common beginnings in quick succession, of which some are cancelled. */
const CROWD = { requests: 24, segment: 200, gapMs: 3, cancels: 0.3, segments: 4, cancelMs: 40, maxTokens: 40 };
/** So many different ones that they fill four slots of large contexts. */
const MANY = { ...CROWD, requests: 80, segment: 300, cancels: 0.2, segments: 30 };
const traffic = (seed: number, options: RandomTraceOptions = CROWD) => withParameters(randomTrace(seed, options));

interface Expected {
  readonly options: RandomTraceOptions;
  readonly seeds: number;
  /** What has to happen to cells, and nothing else may. */
  readonly moved: readonly string[];
}
const EXPECTED: Readonly<Record<LabPresetName, Expected>> = {
  vllm: { options: CROWD, seeds: 8, moved: ["preemptions", "evictions"] },
  sglang: { options: CROWD, seeds: 8, moved: ["preemptions", "evictions", "stores", "loads"] },
  "sglang-page-64": { options: CROWD, seeds: 8, moved: ["preemptions", "evictions", "stores", "loads"] },
  "llama.cpp": { options: MANY, seeds: 2, moved: ["stores", "loads"] },
};

describe.each(LAB_PRESET_NAMES)("a clean lab of preset %s", (preset) => {
  test("answers every request exactly, and what it does to cells is done", async () => {
    const { options, seeds, moved } = EXPECTED[preset];
    const total: Record<string, number> = {};
    for (let seed = 0; seed < seeds; seed++) {
      const run = await runOnLab(traffic(seed, options), { preset, checked: true });
      expect(mistakes(run), `seed ${seed}`).toEqual([]);
      for (const [name, n] of Object.entries(countersOf(run.history))) total[name] = (total[name] ?? 0) + n;
    }
    const happened = ["preemptions", "evictions", "stores", "loads"].filter((name) => total[name]! > 0);
    expect(happened).toEqual(moved);
    expect(total.promptTokensCached).toBeGreaterThan(100);
  });

  test("has what is said beside it instead", () => {
    expect(labConfig({ preset, maxRunning: 2 })).toMatchObject({ preset, maxRunning: 2 });
  });

  test("can be one of two pools, but for slots", () => {
    const apart = () => labConfig({ preset, topology: "pd" });
    if (preset === "llama.cpp") expect(apart).toThrow("no slots where prefill and decode are apart");
    else expect(apart()).toMatchObject({ preset, topology: "pd" });
  });

  test("shows a planted fault", async () => {
    const wrong: string[] = [];
    for (let seed = 0; seed < 8; seed++)
      wrong.push(...mistakes(await runOnLab(traffic(seed), { preset, fault: "row-swap-on-removal" })));
    expect(wrong).not.toEqual([]);
  });
});

test("a finding's start command names the preset, and the dialect that its repro speaks", async () => {
  const { startCommand, dialect } = await labTarget({ preset: "vllm", model: "symbols" }).start();
  expect(startCommand).toEqual(["crosstalk lab --port $PORT --topology single --preset vllm --dialect llama-server"]);
  expect(dialect).toBe("llama-server");
});
