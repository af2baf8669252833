/** Reading trace and history files. */

import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { CrosstalkError, type CrosstalkErrorCode } from "../errors.ts";

export interface InputFile {
  readonly path: string;
  readonly text: string;
}

/** The file itself, or the one called `name` in a folder. @throws CrosstalkError with the given code */
export function inputFile(path: string, name: string, code: CrosstalkErrorCode): InputFile {
  try {
    const file = statSync(path).isDirectory() ? join(path, name) : path;
    return { path: file, text: readFileSync(file, "utf8") };
  } catch (cause) {
    throw new CrosstalkError(
      code,
      `cannot read ${path}: ${(cause as Error).message}`,
      `Give a file, or a folder that holds ${name}.`,
      { cause },
    );
  }
}
