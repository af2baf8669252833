/** Why a fault was not found, where its campaign was looked into: written by hand, shown where a fault was missed. */
export const REASONS: Readonly<Record<string, string>> = {
  "mask-row-left":
    "It shows where dice without parameters move into the row of a request with some, and the campaign's first minute did not meet that. Longer campaigns do.",
};
