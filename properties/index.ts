/** The laws that Crosstalk checks. Each is here because some fault breaks it and no other. */

import type { Property } from "../src/check/property.ts";
import type { TargetDescription } from "../src/target/target.ts";
import { cancelledPrefix } from "./cancelled-prefix.ts";
import { earnedHits } from "./earned-hits.ts";
import { ownCellsOnly } from "./own-cells-only.ts";
import { ownParameters } from "./own-parameters.ts";
import { samePromptSameOutput } from "./same-prompt-same-output.ts";
import { settles } from "./settles.ts";
import { staysUp } from "./stays-up.ts";

export { cancelledPrefix, earnedHits, ownCellsOnly, ownParameters, samePromptSameOutput, settles, staysUp };

/** In the order in which a report should name them: the law whose breach says most comes first. */
export const allProperties: readonly Property[] = [
  ownCellsOnly,
  ownParameters,
  cancelledPrefix,
  earnedHits,
  samePromptSameOutput,
  settles,
  staysUp,
];

/** The laws that can fail on a target: hits are known to be earned where a flush empties every cache; a lab cannot end. */
export function lawsFor({ kind, isolation }: Pick<TargetDescription, "kind" | "isolation">): readonly Property[] {
  const idle = [...(isolation === "flush" ? [] : [earnedHits]), ...(kind === "lab" ? [staysUp] : [])];
  return allProperties.filter((law) => !idle.includes(law));
}
