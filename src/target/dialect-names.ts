/** The names of dialects, by themselves: the command line's help needs no more. `dialect.ts` has what they mean. */

/** llama-server's `/completion`, vLLM's `/v1/completions`, SGLang's `/generate`. */
export const DIALECT_NAMES = ["llama-server", "vllm", "sglang"] as const;
export type Dialect = (typeof DIALECT_NAMES)[number];
