/** The part of `write_model.py` that writes a GGUF file. */

import { architectureOf } from "../tracer/gguf.ts";
import type { TracerShape } from "../tracer/shape.ts";

/** What the metadata says of the architecture: Python literals. */
export function ggufConstants(shape: TracerShape): readonly string[] {
  const { name, parameters } = architectureOf(shape);
  return [
    `ARCHITECTURE = ${JSON.stringify(name)}`,
    "PARAMETERS = [",
    ...parameters.map(
      ([key, type, value]) => `    (${JSON.stringify(`${name}.${key}`)}, ${JSON.stringify(type)}, ${value}),`,
    ),
    "]",
  ];
}

export const WRITE_GGUF = String.raw`

# ---- GGUF, version 3 -------------------------------------------------------------------------------------------

TENSOR_TYPE = {"f32": 0, "f16": 1, "bf16": 30}
FILE_TYPE = {"f32": 0, "f16": 1, "bf16": 32}


def spelling(token):
    """A token that is a word of its own begins with U+2581."""
    return ("\u2581" if token >= FIRST["payload"] else "") + token_name(token)


def u32(value):
    return struct.pack("<I", value)


def number(kind, value):
    """Its GGUF type, and its bytes."""
    return (4, u32(value)) if kind == "uint32" else (6, struct.pack("<f", value))


def u64(value):
    return struct.pack("<Q", value)


def string(text):
    data = text.encode()
    return u64(len(data)) + data


def array(kind, items):
    return u32(kind) + u64(len(items)) + b"".join(items)


def metadata():
    """Key, GGUF type (4 uint32, 5 int32, 6 float32, 7 bool, 8 string, 9 array) and value."""
    tokens = range(VOCABULARY)
    kinds = [2] + [3] * (FIRST["byte"] - 1) + [6] * (FIRST["payload"] - FIRST["byte"])
    kinds += [1] * (VOCABULARY - len(kinds))
    return [
        ("general.architecture", 8, string(ARCHITECTURE)),
        ("general.name", 8, string("crosstalk-tracer")),
        ("general.file_type", 4, u32(FILE_TYPE[DTYPE])),
        *((key, *number(kind, value)) for key, kind, value in PARAMETERS),
        ("tokenizer.ggml.model", 8, string("llama")),
        ("tokenizer.ggml.tokens", 9, array(8, [string(spelling(token)) for token in tokens])),
        ("tokenizer.ggml.scores", 9, array(6, [bytes(4) for _ in tokens])),
        ("tokenizer.ggml.token_type", 9, array(5, [u32(kind) for kind in kinds])),
        ("tokenizer.ggml.bos_token_id", 4, u32(1)),
        ("tokenizer.ggml.eos_token_id", 4, u32(2)),
        ("tokenizer.ggml.unknown_token_id", 4, u32(0)),
        ("tokenizer.ggml.add_bos_token", 7, bytes([0])),
        ("tokenizer.ggml.add_space_prefix", 7, bytes([1])),
    ]


def stacked(matrices):
    """A tensor of three dimensions: matrices of one size, one after another."""
    whole = Matrix(matrices[0].rows, matrices[0].columns, len(matrices))
    whole.data = b"".join(m.data for m in matrices)
    return whole


def pad(data):
    return bytes(data) + bytes(-len(data) % 32)


def main(path):
    named, entries = [], metadata()
    for name, m in tensors():
        dtype = "f32" if m.rows == 1 else DTYPE
        named.append((name, m, TENSOR_TYPE[dtype], encoded(m.data, dtype)))
    head = b"GGUF" + u32(3) + u64(len(named)) + u64(len(entries))
    head += b"".join(string(key) + u32(kind) + value for key, kind, value in entries)
    offset = 0
    for name, m, kind, data in named:
        sizes = [size for size in (m.columns, m.rows, m.depth) if size > 1]
        head += string(name) + u32(len(sizes)) + b"".join(map(u64, sizes)) + u32(kind) + u64(offset)
        offset += len(data) + -len(data) % 32
    digest = hashlib.sha256()
    with open(path, "wb") as file:
        for piece in [pad(head)] + [pad(data) for _, _, _, data in named]:
            file.write(piece)
            digest.update(piece)
    print("%s: sha256 %s" % (path, digest.hexdigest()))
    if digest.hexdigest() != SHA256:
        sys.exit("This is not the model that the finding was made with, sha256 %s." % SHA256)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "tracer.gguf")
`;
