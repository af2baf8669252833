/** Emptying a server's cache, and showing that it is empty. */

import { complete, type EngineClient } from "./engine-client.ts";
import type { EngineFacts, EngineProfile } from "./engines/profile.ts";
import { narrowProbe } from "./handshake.ts";

const PROBE_SEED = 0xf1005;

/**
 * Flushes, and asks a probe before and after: what was cached must no longer be. The text says what was shown, or
 * begins with `not flushed` or `not proven` and says why.
 */
export async function flushWithProof(
  client: EngineClient,
  profile: EngineProfile,
  facts: EngineFacts,
): Promise<string> {
  if (!facts.flush.can) return `not flushed: ${facts.flush.reason}`;
  const cached = async (): Promise<number | null> => {
    const answer = await complete(client, profile, narrowProbe(PROBE_SEED, true));
    return answer.ok ? answer.cached : null;
  };
  await cached();
  const before = await cached();
  const said = await profile.flush(client, facts);
  const after = await cached();
  // Neither the probe's cells must stay, nor an order of slots that depends on what ran before.
  await profile.arrange?.(client, facts);
  await profile.flush(client, facts);
  const shown = `${said}; cached tokens of a probe: ${before} before, ${after} after`;
  if (before === null || after === null) return `not proven: the server does not tell cached tokens (${shown})`;
  if (before === 0) return `not proven: the probe was not cached before either (${shown})`;
  if (after > 0) return `not proven: something keeps cells elsewhere (${shown})`;
  // A probe is gone from where it was; it says nothing of other prompts' copies, which it cannot ask for.
  return facts.flushesAll ? shown : `not proven: the server may keep copies where its flush does not reach (${shown})`;
}
