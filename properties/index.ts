/** The laws that Crosstalk checks. Each is here because some fault breaks it and no other. */

import type { Property } from "../src/check/property.ts";
import { cancelledPrefix } from "./cancelled-prefix.ts";
import { ownCellsOnly } from "./own-cells-only.ts";
import { ownParameters } from "./own-parameters.ts";
import { samePromptSameOutput } from "./same-prompt-same-output.ts";
import { settles } from "./settles.ts";

export { cancelledPrefix, ownCellsOnly, ownParameters, samePromptSameOutput, settles };

/** In the order in which a report should name them: the law whose breach says most comes first. */
export const allProperties: readonly Property[] = [
  ownCellsOnly,
  ownParameters,
  cancelledPrefix,
  samePromptSameOutput,
  settles,
];
