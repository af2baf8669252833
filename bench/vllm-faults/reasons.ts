/** Why a fault was not found, where its campaign was looked into: written by hand, shown where a fault was missed. */
export const REASONS: Readonly<Record<string, string>> = {
  "logprobs-by-rank": "The tokens are right. Crosstalk asks for log-probabilities and does not read them yet.",
};
