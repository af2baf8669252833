/** What a request for an embedding fails with where the vector is none of the tracer's: a history has no vectors. */
export const NO_TOKEN = {
  code: "EMBEDDING",
  message: "the vector stands for no token: none leads by more than rounding could make up",
} as const;
