/** The proof that a server holds the tracer: it answers two reads whose only right answers are known. */

import { CrosstalkError } from "../src/errors.ts";
import { expectedTokens, type ResolvedRequest } from "../src/trace/prompt.ts";
import { ADAPTERS } from "../src/tracer/adapter.ts";
import { narrowRead } from "../src/tracer/read-tokens.ts";
import { payloadRun, scanToken, tokenName } from "../src/tracer/vocabulary.ts";
import { complete, type EngineClient } from "./engine-client.ts";
import type { EngineProfile } from "./engines/profile.ts";

const PAYLOAD_CELLS = 40;
const SEED = 0x5eed;
const FAMILY = 27; // groups 1, 2 and 3

type Read = Pick<ResolvedRequest, "prompt" | "maxTokens" | "cache" | "adapter">;

/** A narrow read that begins at the payload's first cell. */
export function narrowProbe(seed: number, cache: boolean): Read {
  const payload = payloadRun(seed, FAMILY, PAYLOAD_CELLS);
  return { prompt: Int32Array.of(...payload, ...narrowRead(PAYLOAD_CELLS)), maxTokens: 8, cache, adapter: null };
}

function scanProbe(): Read {
  const payload = payloadRun(SEED, FAMILY, PAYLOAD_CELLS);
  return { prompt: Int32Array.of(...payload, scanToken([FAMILY])), maxTokens: 4, cache: false, adapter: null };
}

/**
 * @param adapters whether it has the tracer's adapters: then each is asked too
 * @throws CrosstalkError WRONG_MODEL, with what was asked, expected and answered
 */
export async function proveTracer(client: EngineClient, profile: EngineProfile, adapters: boolean): Promise<void> {
  const underAdapters = (adapters ? ADAPTERS : []).map(
    (adapter) => [`narrow read under adapter ${adapter}`, { ...narrowProbe(SEED, false), adapter }] as const,
  );
  for (const [name, read] of [
    ["narrow read", narrowProbe(SEED, false)],
    ["scan", scanProbe()],
    ...underAdapters,
  ] as const) {
    const answer = await complete(client, profile, read);
    if (!answer.ok) throw wrongModel(`refused a ${name}: HTTP ${answer.status}: ${answer.message}`, profile);
    const expected = [...expectedTokens(read)];
    if (answer.ids.length !== expected.length || answer.ids.some((id, i) => id !== expected[i])) {
      throw wrongModel(`answered a ${name} with ${spell(answer.ids)}, not with ${spell(expected)}`, profile);
    }
  }
}

const spell = (ids: readonly number[]): string => ids.map(tokenName).join(" ") || "nothing";

function wrongModel(what: string, profile: EngineProfile): CrosstalkError {
  return new CrosstalkError(
    "WRONG_MODEL",
    `the server does not hold the tracer model: it ${what}`,
    `Write it with \`crosstalk model write tracer --format ${profile.modelFormat}\`, load that into the server, and name it with --model tracer.`,
  );
}
