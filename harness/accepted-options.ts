/** Which options of requests a server accepts: an engine may know one and refuse it for how this server was started. */

import { NO_OPTIONS, type RequestOption, type RequestOptions } from "../src/trace/options.ts";
import { expectedTokens } from "../src/trace/prompt.ts";
import { DEFAULT_SHAPE, type TracerShape } from "../src/tracer/shape.ts";
import { payloadToken, rungToken } from "../src/tracer/vocabulary.ts";
import { complete, type EngineClient } from "./engine-client.ts";
import type { EngineProfile } from "./engines/profile.ts";
import { narrowProbe } from "./handshake.ts";

const PROBE_SEED = 0x0b71;
const TOKEN = payloadToken([1, 1, 1]);

/** A request of each. Seeds and log-probabilities have ended servers: campaigns ask for those, and an end is a finding. */
const SAMPLES: Partial<Record<RequestOption, Partial<RequestOptions>>> = {
  stop: { stop: [TOKEN] },
  allow: { allow: [TOKEN] },
  avoid: { avoid: [TOKEN] },
  priority: { priority: 1 },
  salt: { salt: "probe" },
  presence: { presence: 0.75 },
  frequency: { frequency: 1.125 },
  ban: { banned: [rungToken(0, 0)] },
  n: { n: 2 },
  requestId: { requestId: "probe" },
  session: { session: "probe" },
  embed: { embed: true },
  grammar: { grammar: [[TOKEN]] },
};

/**
 * Those of the options that are not refused.
 * @param shape of the model
 * @throws CrosstalkError SERVER_UNREACHABLE
 */
export async function acceptedOptions(
  client: EngineClient,
  profile: EngineProfile,
  options: readonly RequestOption[],
  shape: TracerShape = DEFAULT_SHAPE,
): Promise<readonly RequestOption[]> {
  const accepted: RequestOption[] = [];
  for (const option of options) {
    const sample = SAMPLES[option];
    const read = { ...narrowProbe(PROBE_SEED, false), maxTokens: 1 };
    const answer = sample && (await complete(client, profile, read, { ...NO_OPTIONS, ...sample }, shape));
    // The mean of all tokens, for instance, is a vector too, but not that of the answer.
    const embedded = option !== "embed" || (answer?.ok && answer.ids[0] === expectedTokens(read)[0]);
    if (answer === undefined || (answer.ok && embedded)) accepted.push(option);
  }
  return accepted;
}
