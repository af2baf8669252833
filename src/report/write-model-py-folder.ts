/** The part of `write_model.py` that writes a Hugging Face folder. */

import { tokenizerFrame } from "../tracer/hugging-face.ts";
import type { TracerModel } from "../tracer/manifest.ts";

/** What the script computes. The other files do not depend on the weights. */
const COMPUTED: ReadonlySet<string> = new Set(["model.safetensors", "tokenizer.json"]);

/** The folder's small files, and what stands before and after the vocabulary in `tokenizer.json`: Python literals. */
export function folderConstants({ files, manifest }: TracerModel): readonly string[] {
  const texts = [...files].filter(([name]) => !COMPUTED.has(name)).map(([name, pieces]) => [name, textOf(pieces)]);
  return [
    "TEXTS = {",
    ...texts.map(([name, text]) => `    ${JSON.stringify(name)}: ${JSON.stringify(text)},`),
    "}",
    `TOKENIZER = ${JSON.stringify(tokenizerFrame())}`,
    "# Matrices whose rotary pairs lie in the two halves of a head.",
    `HALVES = ${JSON.stringify(manifest.shape.latent === null ? ["attn_q", "attn_k"] : [])}`,
  ];
}

const textOf = (pieces: readonly Uint8Array[]): string => new TextDecoder().decode(Buffer.concat(pieces));

export const WRITE_FOLDER = String.raw`

# ---- A Hugging Face folder -------------------------------------------------------------------------------------

TORCH_TYPE = {"f32": "F32", "f16": "F16", "bf16": "BF16"}
NAMES = {
    "token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head",
    "attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj", "attn_kv_a_mqa": "self_attn.kv_a_proj_with_mqa",
    "attn_kv_a_norm": "self_attn.kv_a_layernorm", "attn_kv_b": "self_attn.kv_b_proj",
    "attn_output": "self_attn.o_proj", "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
}


def halves(m):
    """Rotary pairs lie in the two halves of a head here, and beside each other in what the weights were made for."""
    moved, size = Matrix(m.rows, m.columns), 4 * m.columns
    for row in range(m.rows):
        pair, second = divmod(row % HEAD, 2)
        to = row - row % HEAD + pair + (HEAD // 2 if second else 0)
        moved.data[to * size:(to + 1) * size] = m.data[row * size:(row + 1) * size]
    return moved


def safetensors():
    header, pieces, offset = {}, [], 0
    for name, m in tensors():
        *layer, part, _ = name.split(".")
        if part in HALVES:
            m = halves(m)
        data = encoded(m.data, DTYPE)
        place = "model.layers.%s." % layer[1] if layer else ""
        header[place + NAMES.get(part, part.replace("-", ".")) + ".weight"] = {
            "dtype": TORCH_TYPE[DTYPE],
            "shape": [m.columns] if m.rows == 1 else [m.rows, m.columns],
            "data_offsets": [offset, offset + len(data)],
        }
        pieces.append(data)
        offset += len(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + b"".join(pieces)


def main(folder):
    names = {token_name(token): token for token in range(VOCABULARY)}
    files = {name: text.encode() for name, text in TEXTS.items()}
    files["tokenizer.json"] = json.dumps(names, separators=(",", ":")).join(TOKENIZER).encode()
    files["model.safetensors"] = safetensors()
    os.makedirs(folder, exist_ok=True)
    listing = ""
    for name in sorted(files):
        with open(os.path.join(folder, name), "wb") as file:
            file.write(files[name])
        listing += "%s  %s\n" % (hashlib.sha256(files[name]).hexdigest(), name)
    digest = hashlib.sha256(listing.encode()).hexdigest()
    print("%s: sha256 of the list of its files' sums %s" % (folder, digest))
    if digest != SHA256:
        sys.exit("This is not the model that the finding was made with, sha256 %s." % SHA256)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "tracer")
`;
