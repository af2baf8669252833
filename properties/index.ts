/** The laws that Crosstalk checks. Each is here because some fault breaks it and no other. */

import type { Property } from "../src/check/property.ts";
import type { TargetDescription } from "../src/target/target.ts";
import { cancelledPrefix } from "./cancelled-prefix.ts";
import { earnedHits } from "./earned-hits.ts";
import { ownCellsOnly } from "./own-cells-only.ts";
import { samePromptSameOutput } from "./same-prompt-same-output.ts";
import { settles } from "./settles.ts";

export { cancelledPrefix, earnedHits, ownCellsOnly, samePromptSameOutput, settles };

/** In the order in which a report should name them: the law whose breach says most comes first. */
export const allProperties: readonly Property[] = [
  ownCellsOnly,
  cancelledPrefix,
  earnedHits,
  samePromptSameOutput,
  settles,
];

/** The laws that can be judged on a target: whether hits are earned is only known where a flush empties every cache. */
export function lawsFor({ isolation }: Pick<TargetDescription, "isolation">): readonly Property[] {
  return allProperties.filter((law) => law !== earnedHits || isolation === "flush");
}
