/** The engines Crosstalk has a profile for, by name. */

import { CrosstalkError } from "../../src/errors.ts";
import { llamaCpp } from "./llama-cpp.ts";
import type { EngineProfile } from "./profile.ts";
import { sglang } from "./sglang.ts";
import { vllm } from "./vllm.ts";

export const ENGINES: ReadonlyMap<string, EngineProfile> = new Map([llamaCpp, vllm, sglang].map((p) => [p.name, p]));

/** @throws CrosstalkError INVALID_OPTION, listing the names there are */
export function engineProfile(name: string): EngineProfile {
  const found = ENGINES.get(name);
  if (found) return found;
  throw new CrosstalkError(
    "INVALID_OPTION",
    `no engine is called ${JSON.stringify(name)}`,
    `Engines with a profile: ${[...ENGINES.keys()].join(", ")}.`,
  );
}
