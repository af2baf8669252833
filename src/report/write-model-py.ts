/** `write_model.py`: writes the tracer, byte for byte what Crosstalk writes, with Python's standard library alone. */

import { CONTEXT_LENGTH } from "../tracer/gguf.ts";
import { DEFAULT_MODEL, type ModelChoice, type ModelFormat, tracerModel } from "../tracer/manifest.ts";
import * as shapes from "../tracer/shape.ts";
import { FIRST, VOCABULARY_SIZE } from "../tracer/vocabulary.ts";
import { MODEL_NAMES } from "./wording.ts";
import { folderConstants, WRITE_FOLDER } from "./write-model-py-folder.ts";
import { WRITE_GGUF } from "./write-model-py-gguf.ts";

/**
 * The constants come from the tracer's own source, so that they cannot differ from it; the test compares the hashes.
 * Frequencies are written out, since the last digit of a power differs between mathematics libraries.
 */
export function writeModelPy(choice: ModelChoice = DEFAULT_MODEL): string {
  const { shape, format, dtype } = choice;
  const model = tracerModel(choice);
  const constants = {
    READ_LAYERS: shape.readLayers,
    KV_HEADS: shape.kvHeads,
    VOCABULARY: VOCABULARY_SIZE,
    HIDDEN: shapes.HIDDEN_SIZE,
    HEAD: shapes.HEAD_SIZE,
    FEED_FORWARD: shapes.FEED_FORWARD_SIZE,
    CONTEXT: CONTEXT_LENGTH,
    ROPE_BASE: shapes.ROPE_BASE,
    RMS_EPSILON: shapes.RMS_EPSILON,
    FLAG_PAIR: shapes.FLAG_PAIR,
    CONSTANT: shapes.CONSTANT,
    NORM: shapes.NORM,
    AMPLITUDE: shapes.AMPLITUDE,
    PHASE_OFFSET: shapes.PHASE_OFFSET,
    LAYER_AMPLITUDE: shapes.layerAmplitude(shape),
    FOUND_GAIN: shapes.FOUND_GAIN,
    NONZERO_COST: shapes.NONZERO_COST,
    PAYLOAD_LIFT: shapes.PAYLOAD_LIFT,
    SCAN_BLOCKS_PAYLOAD: shapes.SCAN_BLOCKS_PAYLOAD,
    SCAN_GAIN: shapes.SCAN_GAIN,
    SIGHTING_GAIN: shapes.SIGHTING_GAIN,
    SIGHTING_LIMIT: shapes.SIGHTING_LIMIT,
  };
  const frequencies = Array.from({ length: shapes.PHASE_PAIRS }, (_, pair) => shapes.frequency(pair));
  const lines = [
    ...Object.entries(constants).map(([name, value]) => `${name} = ${value}`),
    `FREQUENCIES = [${frequencies.join(", ")}]`,
    "# First id of each range of the vocabulary, and first index of each range of residual channels.",
    `FIRST = ${JSON.stringify(FIRST)}`,
    `CHANNEL = ${JSON.stringify(shapes.CHANNEL)}`,
    `DTYPE = "${dtype}"`,
    `SHA256 = "${model.manifest.sha256}"`,
    ...(format === "hf" ? folderConstants(model) : []),
  ];
  const writer = format === "hf" ? WRITE_FOLDER : WRITE_GGUF;
  return `${headOf(format)}\n${lines.join("\n")}\n${WEIGHTS}${writer}`;
}

function headOf(format: ModelFormat): string {
  const imports = ["hashlib", ...(format === "hf" ? ["json", "math", "os"] : ["math"]), "struct", "sys"];
  const form = format === "hf" ? "a Hugging Face folder" : "a GGUF file";
  return `#!/usr/bin/env python3
"""Writes Crosstalk's tracer model as ${form}:  python3 write_model.py ${MODEL_NAMES[format]}

A Llama whose weights are computed, not trained. Its greedy answer spells out the KV cells that it read: the prompt ends
with a read token, which says which cells. Python 3.9 or later, standard library only.
"""

${imports.map((name) => `import ${name}\n`).join("")}`;
}

const WEIGHTS = `

class Matrix:
    def __init__(self, rows, columns):
        self.rows, self.columns, self.data = rows, columns, bytearray(4 * rows * columns)

    def put(self, row, column, value):
        struct.pack_into("<f", self.data, 4 * (row * self.columns + column), value)


def digits(token):
    value = token - FIRST["payload"] if FIRST["payload"] <= token < FIRST["narrow"] else 0
    return value >> 8, value >> 4 & 15, value & 15


def embedding():
    m = Matrix(VOCABULARY, HIDDEN)
    for token in range(VOCABULARY):
        scan = FIRST["scan"] <= token < FIRST["bad"]
        m.put(token, CHANNEL["constant"], CONSTANT)
        m.put(token, CHANNEL["isScan" if scan else "notScan"], 1)
        for group in range(12 if scan else 0):
            allowed = token - FIRST["scan"] >> group & 1
            m.put(token, CHANNEL["allowed" if allowed else "denied"] + group, 1)
        for digit, value in enumerate(digits(token)):
            m.put(token, CHANNEL["digits"] + digit * 16 + value, 1)
    for back in range(FIRST["scan"] - FIRST["narrow"]):
        token = FIRST["narrow"] + back
        m.put(token, CHANNEL["flag"], 1)
        for pair, frequency in enumerate(FREQUENCIES):
            angle = frequency * (back + PHASE_OFFSET)
            m.put(token, CHANNEL["ownPhase"] + 2 * pair, math.cos(angle))
            m.put(token, CHANNEL["ownPhase"] + 2 * pair + 1, -math.sin(angle))
    return m


def language_model_head():
    m = Matrix(VOCABULARY, HIDDEN)
    for token in range(FIRST["payload"], FIRST["narrow"]):
        for digit, value in enumerate(digits(token)):
            m.put(token, CHANNEL["found"] + digit * 16 + value, FOUND_GAIN)
        nonzero = sum(value > 0 for value in digits(token))
        m.put(token, CHANNEL["constant"], PAYLOAD_LIFT - NONZERO_COST * nonzero)
        m.put(token, CHANNEL["isScan"], -SCAN_BLOCKS_PAYLOAD)
    for token in range(FIRST["scan"], FIRST["bad"]):
        for group in range(12):
            gain = SCAN_GAIN if token - FIRST["scan"] >> group & 1 else -SCAN_GAIN
            m.put(token, CHANNEL["allowed"] + group, gain)
            m.put(token, CHANNEL["denied"] + group, -gain)
    for digit in range(3):
        for value in range(1, 16):
            token = FIRST["bad"] + digit * 16 + value
            m.put(token, CHANNEL["sightings"] + digit * 16 + value, SIGHTING_GAIN)
            m.put(token, CHANNEL["notScan"], -SIGHTING_GAIN * SIGHTING_LIMIT)
            m.put(token, CHANNEL["allowed"] + digit * 4 + (value >> 2), -SIGHTING_GAIN * SIGHTING_LIMIT)
    return m


def layer_weights(layer):
    """Query, key, value and output. Layer 0 fetches what the read token asks for; each other one reads a digit."""
    heads, kv_heads = 2 * KV_HEADS * HEAD, KV_HEADS * HEAD
    q, k, v, o = Matrix(heads, HIDDEN), Matrix(kv_heads, HIDDEN), Matrix(kv_heads, HIDDEN), Matrix(HIDDEN, heads)
    phases = 2 * len(FREQUENCIES)
    if layer == 0:
        q.put(2 * FLAG_PAIR, CHANNEL["constant"], AMPLITUDE / (NORM * CONSTANT))
        k.put(2 * FLAG_PAIR, CHANNEL["flag"], AMPLITUDE / NORM)
        for i in range(phases):
            v.put(i, CHANNEL["ownPhase"] + i, 1 / NORM)
            o.put(CHANNEL["phase"] + i, i, 1)
        return q, k, v, o
    digit = 16 * ((layer - 1) % 3)
    for head in range(KV_HEADS):
        narrow, scan, kv = 2 * head * HEAD, (2 * head + 1) * HEAD, head * HEAD
        for i in range(phases):
            q.put(narrow + i, CHANNEL["phase"] + i, AMPLITUDE / NORM)
            if i % 2 == 0:
                k.put(kv + i, CHANNEL["constant"], AMPLITUDE / (NORM * CONSTANT))
        for value in range(head, 16, KV_HEADS):
            v.put(kv + value, CHANNEL["digits"] + digit + value, 1 / NORM)
            o.put(CHANNEL["found"] + digit + value, narrow + value, LAYER_AMPLITUDE)
            o.put(CHANNEL["sightings"] + digit + value, scan + value, LAYER_AMPLITUDE)
        for i in range(head, 48 if layer > 1 else 0, KV_HEADS):
            v.put(kv + 16 + i, CHANNEL["sightings"] + i, 1 / NORM)
            o.put(CHANNEL["sightings"] + i, scan + 16 + i, 1 / READ_LAYERS)
    return q, k, v, o


def tensors():
    ones = Matrix(1, HIDDEN)
    for i in range(HIDDEN):
        ones.put(0, i, 1)
    yield "token_embd.weight", embedding()
    yield "output_norm.weight", ones
    yield "output.weight", language_model_head()
    for layer in range(READ_LAYERS + 1):
        q, k, v, o = layer_weights(layer)
        for name, matrix in [
            ("attn_norm", ones), ("attn_q", q), ("attn_k", k), ("attn_v", v), ("attn_output", o), ("ffn_norm", ones),
            ("ffn_gate", Matrix(FEED_FORWARD, HIDDEN)), ("ffn_up", Matrix(FEED_FORWARD, HIDDEN)),
            ("ffn_down", Matrix(HIDDEN, FEED_FORWARD)),
        ]:
            yield "blk.%d.%s.weight" % (layer, name), matrix


def token_name(token):
    if token < FIRST["byte"]:
        return ("<unk>", "<s>", "</s>")[token]
    if token < FIRST["payload"]:
        return "<0x%02X>" % (token - FIRST["byte"])
    if token < FIRST["narrow"]:
        return "p%03x" % (token - FIRST["payload"])
    if token < FIRST["scan"]:
        return "@%d" % (token - FIRST["narrow"])
    if token < FIRST["bad"]:
        return "scan.%03x" % (token - FIRST["scan"])
    return "bad.%d.%x" % ((token - FIRST["bad"]) // 16 + 1, (token - FIRST["bad"]) % 16)


def encoded(data, dtype):
    """F32 numbers in the format of the file, rounded to the nearest, ties to even."""
    if dtype == "f32":
        return bytes(data)
    if dtype == "f16":
        return b"".join(struct.pack("<e", value) for value, in struct.iter_unpack("<f", data))
    zero, pieces = bytes(2), []
    for word, in struct.iter_unpack("<I", data):
        pieces.append(struct.pack("<H", word + 0x7FFF + (word >> 16 & 1) >> 16) if word else zero)
    return b"".join(pieces)
`;
