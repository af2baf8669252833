/** Codes a caller can branch on; every one means "could not test" (exit code 2) at the command line. */
export type CrosstalkErrorCode =
  | "INVALID_TRACE"
  | "INVALID_HISTORY"
  | "INVALID_BASELINE"
  | "INVALID_REDUCTION"
  | "INVALID_FINDING"
  | "INVALID_SUMMARY"
  | "NOTHING_TO_REPORT"
  | "INVALID_OPTION"
  | "OUTPUT_NOT_WRITABLE"
  | "DOCKER_UNAVAILABLE"
  | "IMAGE_MISSING"
  | "PORT_IN_USE"
  | "ENGINE_EXITED"
  | "ENGINE_NOT_READY"
  | "ENGINE_LOST"
  | "SERVER_UNREACHABLE"
  | "WRONG_MODEL"
  | "UNSUPPORTED_BY_TARGET"
  | "FLUSH_REFUSED"
  | "REMOTE_HOST_REFUSED"
  | "BUILD_FAILED"
  | "NOTHING_TO_BISECT"
  | "INTERRUPTED";

/**
 * The one error class of Crosstalk. The message says what was expected and what was seen; the hint says what to do next.
 */
export class CrosstalkError extends Error {
  readonly code: CrosstalkErrorCode;
  readonly hint: string;

  constructor(code: CrosstalkErrorCode, message: string, hint: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "CrosstalkError";
    this.code = code;
    this.hint = hint;
  }
}
