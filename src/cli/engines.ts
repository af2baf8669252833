/** `crosstalk engines`: what Crosstalk knows how to test. */

import { LAB_FAULTS } from "../lab/faults/index.ts";
import { EXIT } from "./exit.ts";

export async function engines(options: { json?: boolean }): Promise<number> {
  const { ENGINES } = await import("../../harness/index.ts");
  const profiles = [...ENGINES.values()];
  if (options.json) {
    const list = profiles.map(({ name, title, image, defaultPort, gpu, knobs, faults }) => ({
      name,
      title,
      image,
      defaultPort,
      gpu,
      knobs,
      faults,
    }));
    process.stdout.write(`${JSON.stringify({ engines: list, labFaults: LAB_FAULTS })}\n`);
    return EXIT.clean;
  }
  const lines = ["Engines (--engine NAME):"];
  for (const { name, title, image, gpu, knobs, faults } of profiles) {
    lines.push(
      `  ${name.padEnd(12)} ${title}; image ${image.name}${image.build ? `, built by: ${image.build}` : ""}; GPU: ${gpu.need}`,
    );
    lines.push("    worth varying with --args:");
    for (const { flag, what } of knobs) lines.push(`      ${flag.padEnd(16)} ${what}`);
    if (faults.length > 0) lines.push(`    planted faults (--fault NAME): ${faults.map((f) => f.name).join(", ")}`);
  }
  lines.push("", "Faults of the lab (--target lab --fault NAME):");
  for (const { name, class: kind, mistake } of LAB_FAULTS)
    lines.push(`  ${name.padEnd(24)} ${kind.padEnd(4)} ${mistake}`);
  process.stdout.write(`${lines.join("\n")}\n`);
  return EXIT.clean;
}
