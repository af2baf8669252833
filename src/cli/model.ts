/** `crosstalk model`: write the tracer. */

import { EXIT } from "./exit.ts";
import { writeModel } from "./model-file.ts";

export async function model(file: string, options: { json?: boolean }): Promise<number> {
  const manifest = writeModel(file);
  process.stdout.write(
    options.json
      ? `${JSON.stringify(manifest)}\n`
      : `${file}: ${(manifest.bytes / 1e6).toFixed(1)} MB, ${manifest.vocabulary} tokens, sha256 ${manifest.sha256}\n`,
  );
  return EXIT.clean;
}
