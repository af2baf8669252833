/**
 * How far the right token stands above the next one on real engines, at distances up to the whole context; writes
 * docs/margins.md. Needs Docker and the images.
 * usage: node bench/margins.ts [--contexts 1024,4096,16384] [--only llama.cpp] [--page docs/margins.md]
 */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { engineClient } from "../harness/engine-client.ts";
import { ContainerServer, engineProfile } from "../harness/index.ts";
import { writeModel } from "../src/cli/model-file.ts";
import { type Margins, marginsOf } from "./margins/ask.ts";
import { marginsPage } from "./margins/page.ts";
import { subjects } from "./margins/subjects.ts";

/** A prompt of 16K tokens takes minutes on one busy core. */
const ANSWER_MS = 1_800_000;

const { values } = parseArgs({
  options: {
    contexts: { type: "string", default: "1024,4096,16384" },
    only: { type: "string", default: "llama.cpp,vllm" },
    page: { type: "string", default: "docs/margins.md" },
  },
});
const contexts = values.contexts.split(",").map(Number);
const engines = values.only.split(",");

const measured: Margins[] = [];
for (const subject of subjects(Math.max(...contexts)).filter(({ engine }) => engines.includes(engine))) {
  const folder = mkdtempSync(join(tmpdir(), "crosstalk-margins-"));
  const profile = engineProfile(subject.engine);
  const model = writeModel(folder, { format: profile.modelFormat, dtype: subject.weights });
  const server = new ContainerServer({ profile, model: model.path, extraArgs: subject.args });
  try {
    const client = engineClient(await server.start(), ANSWER_MS);
    const { version } = await profile.describe(client, server.args);
    for (const context of contexts) {
      const margins = await marginsOf(client, subject, version, context);
      measured.push(margins);
      process.stderr.write(`${JSON.stringify(margins)}\n`);
    }
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true });
  }
}
writeFileSync(values.page, marginsPage(measured));
