/** What a failure is called from one run to the next: its law, its class and what its trace needs, and no seed or token. */

import type { RequestOption } from "../trace/option-names.ts";
import { OPTIONS, optionsIn } from "../trace/options.ts";
import { isCancel, isSend, type Trace } from "../trace/schema.ts";
import { type Anomaly, type Finding, isOthers } from "./finding.ts";
import type { Property } from "./property.ts";

/** A thing that a trace has or has not, and that a failure may need. */
type Need = "cancel" | "flush" | "fault" | RequestOption;

const NEEDS: readonly Need[] = ["cancel", "flush", "fault", ...OPTIONS];

function needsOf({ steps }: Trace): readonly Need[] {
  const options = new Set<Need>(steps.filter(isSend).flatMap(optionsIn));
  const has: Partial<Record<Need, boolean>> = {
    cancel: steps.some(isCancel),
    flush: steps.some((step) => "flush" in step),
    fault: steps.some((step) => "fault" in step),
  };
  return NEEDS.filter((need) => has[need] ?? options.has(need));
}

const classesOf = ({ class: first, or }: Anomaly) => [first, ...or.map((other) => other.class)];

/** Foreign and stale differ only in whether the cells' owner was still at work, which is a matter of chance. */
function className(anomaly: Anomaly): string {
  const others = classesOf(anomaly).some(isOthers);
  return (others ? "foreign or stale read" : anomaly.class).replaceAll(" ", "-");
}

/**
 * `llama.cpp/own-cells-only/foreign-or-stale-read/cancel+adapter`: engine, law, class, and what the reduced trace still
 * has of cancels, flushes, faults and options of requests (`plain`: none). Two bugs may share one.
 */
export function signatureOf({ anomaly, law, target, trace }: Finding): string {
  const needs = needsOf(trace);
  return [target.engine.name, law.id, className(anomaly), needs.length === 0 ? "plain" : needs.join("+")].join("/");
}

/** A failure that was not reduced. */
export interface RawFailure {
  readonly law: Pick<Property, "id">;
  readonly trace: Trace;
  readonly anomaly: Anomaly;
}

/** Whether a failure may be the finding once more: law and class fit, and its trace has all that the finding needs. */
export function mayBeAnother(finding: Finding, { law, trace, anomaly }: RawFailure): boolean {
  const has = needsOf(trace);
  return (
    finding.law.id === law.id &&
    className(finding.anomaly) === className(anomaly) &&
    needsOf(finding.trace).every((need) => has.includes(need))
  );
}
