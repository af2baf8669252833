/** A long run's page shows the whole in numbers, and of its steps those around the finding. */

import type { Finding } from "../check/finding.ts";
import { isSend, type Step, type Trace } from "../trace/schema.ts";
import { placesThatFit } from "./places.ts";

/** Requests from which on a run is long. Reduced traces have a few. */
const LONG = 2000;
/** Steps that are kept before the one that sends the request answered wrong, and after it. */
const STEPS = { before: 40, after: 10 };

export const isLong = ({ steps }: Trace): boolean => steps.filter(isSend).length >= LONG;

/** The request that was answered wrong, and those whose cells fit. */
export function namedRequests({ anomaly }: Finding): ReadonlySet<string> {
  return new Set([anomaly.request, ...placesThatFit(anomaly).map((origin) => origin.request)]);
}

/** The steps around the finding and all those of the requests that it names, with their segments. */
export function excerpt(finding: Finding): Trace {
  const { anomaly, trace } = finding;
  const named = namedRequests(finding);
  const victim = trace.steps.findIndex((step) => isSend(step) && step.send === anomaly.request);
  const near = (i: number): boolean => i >= victim - STEPS.before && i <= victim + STEPS.after;
  const steps = trace.steps.filter((step, i) => near(i) || named.has(requestOf(step) ?? ""));
  const used = new Set(
    steps.filter(isSend).flatMap(({ prompt }) => prompt.flatMap((part) => ("seg" in part ? [part.seg] : []))),
  );
  const segments = Object.entries(trace.segments).filter(([id]) => used.has(id));
  return { ...trace, segments: Object.fromEntries(segments), steps };
}

/** Null for a flush or a fault, which concern the server. */
function requestOf(step: Step): string | null {
  if (isSend(step)) return step.send;
  if ("cancel" in step) return step.cancel;
  return "wait" in step ? step.wait : null;
}
