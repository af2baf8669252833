/** The laws that Crosstalk checks. Each is here because some fault breaks it and no other. */

import type { Property } from "../src/check/property.ts";
import type { TargetDescription } from "../src/target/target.ts";
import { cancelledPrefix } from "./cancelled-prefix.ts";
import { earnedHits } from "./earned-hits.ts";
import { ownCellsOnly } from "./own-cells-only.ts";
import { ownLogprobs } from "./own-logprobs.ts";
import { ownParameters } from "./own-parameters.ts";
import { samePromptSameOutput } from "./same-prompt-same-output.ts";
import { settles } from "./settles.ts";
import { staysUp } from "./stays-up.ts";

export {
  cancelledPrefix,
  earnedHits,
  ownCellsOnly,
  ownLogprobs,
  ownParameters,
  samePromptSameOutput,
  settles,
  staysUp,
};

/** In the order in which a report should name them: the law whose breach says most comes first. */
export const allProperties: readonly Property[] = [
  ownCellsOnly,
  ownParameters,
  cancelledPrefix,
  earnedHits,
  ownLogprobs,
  samePromptSameOutput,
  settles,
  staysUp,
];

/**
 * The laws that can fail on a target: hits are known to be earned where a flush empties every cache; a lab cannot end;
 * log-probabilities are read of vLLM only.
 * @param description without a dialect where nobody knows it any more, of a saved history
 */
export function lawsFor(
  description: Pick<TargetDescription, "isolation" | "kind"> & Partial<Pick<TargetDescription, "dialect">>,
): readonly Property[] {
  const { dialect, isolation, kind } = description;
  const idle = [
    ...(isolation === "flush" ? [] : [earnedHits]),
    ...(kind === "lab" ? [staysUp] : []),
    ...(kind === "lab" || (dialect !== undefined && dialect !== "vllm") ? [ownLogprobs] : []),
  ];
  return allProperties.filter((law) => !idle.includes(law));
}
