/** Writing files that somebody waits for. */

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { CrosstalkError } from "../errors.ts";

/**
 * Writes a file, and makes its folder.
 * @param hint what to do where that fails
 * @throws CrosstalkError OUTPUT_NOT_WRITABLE
 */
export function outputFile<Content extends string | Uint8Array>(
  path: string,
  content: Content,
  hint: string,
  write: (path: string, content: Content) => void = writeFileSync,
): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    write(path, content);
  } catch (cause) {
    const message = `cannot write ${path}: ${(cause as Error).message}`;
    throw new CrosstalkError("OUTPUT_NOT_WRITABLE", message, hint, { cause });
  }
}
