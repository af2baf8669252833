/** The names of request options, by themselves: the command line's help needs no more. `options.ts` has what they mean. */

/** Fields of a `send` step that only some engines know. */
export const OPTIONS = [
  "seed",
  "logprobs",
  "stop",
  "allow",
  "avoid",
  "priority",
  "salt",
  "adapter",
  "presence",
  "frequency",
  "ban",
  "n",
  "grammar",
  "requestId",
  "session",
  "embed",
] as const;
export type RequestOption = (typeof OPTIONS)[number];
