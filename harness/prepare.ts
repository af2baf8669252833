/** What is done before the clock starts: prompts written out, hashed, and serialised as the engine wants them. */

import { createHash } from "node:crypto";
import { CrosstalkError } from "../src/errors.ts";
import { resolveOptions } from "../src/trace/options.ts";
import { resolveRequests } from "../src/trace/prompt.ts";
import { isCancel, type Trace } from "../src/trace/schema.ts";
import type { EngineProfile } from "./engines/profile.ts";
import type { FaultInjector } from "./faults.ts";
import type { PreparedRequest } from "./in-flight.ts";

export function prepareRequests(trace: Trace, profile: EngineProfile): Map<string, PreparedRequest> {
  const counted = new Set(trace.steps.filter(isCancel).flatMap((s) => (s.afterTokens === undefined ? [] : [s.cancel])));
  const prepared = new Map<string, PreparedRequest>();
  const options = resolveOptions(trace);
  for (const [id, request] of resolveRequests(trace)) {
    const call = profile.request(request, options.get(id));
    prepared.set(id, {
      id,
      path: call.path,
      body: Buffer.from(JSON.stringify(call.body)),
      tokens: request.prompt.length,
      sha256: createHash("sha256").update(request.prompt.join(",")).digest("hex"),
      embed: options.get(id)?.embed ?? false,
      counted: counted.has(id),
    });
  }
  return prepared;
}

/** The steps that only some targets can do. */
export interface Abilities {
  readonly flush: (() => Promise<string>) | null;
  readonly faults: FaultInjector | null;
}

/** @throws CrosstalkError UNSUPPORTED_BY_TARGET, naming the step, before anything runs */
export function refuseUnsupported(trace: Trace, abilities: Abilities): void {
  for (const [i, step] of trace.steps.entries()) {
    const missing =
      "flush" in step && !abilities.flush
        ? "flush its cache"
        : "fault" in step && !abilities.faults
          ? `be made to ${step.fault}`
          : null;
    if (missing === null) continue;
    throw new CrosstalkError(
      "UNSUPPORTED_BY_TARGET",
      `step ${i + 1} of trace ${trace.name}: this target cannot ${missing}`,
      "Take the step out of the trace, or use a target that Crosstalk starts itself (a container or --cmd).",
    );
  }
}
