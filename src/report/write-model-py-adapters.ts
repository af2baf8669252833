/** The part of `write_model.py` that writes the LoRA adapters, where a finding's trace has any. */

import { deflateSync } from "node:zlib";
import { adapterFiles } from "../tracer/adapter-files.ts";
import type { ModelChoice } from "../tracer/manifest.ts";

/** The files are nearly all zeros: they are in the script as they are, deflated to two kilobytes each or so. */
export function writeAdapters(choice: ModelChoice): string {
  const packed = Array.from(adapterFiles(choice), ([path, pieces]) => {
    const text = deflateSync(Buffer.concat(pieces), { level: 9 }).toString("base64");
    return `    ${JSON.stringify(path)}: ${JSON.stringify(text)},`;
  });
  return `

# ---- LoRA adapters ---------------------------------------------------------------------------------------------
# Each is a low-rank change of the value projections, which moves the digits that a cell stores, and of layer 0's output
# projection, which changes the mark of the nonce. The files, deflated:

ADAPTERS = {
${packed.join("\n")}
}

if __name__ == "__main__":
    for path, text in ADAPTERS.items():
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(zlib.decompress(base64.b64decode(text)))
        print(path)
`;
}
