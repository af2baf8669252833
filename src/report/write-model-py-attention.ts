/** The attention part of `write_model.py`: grouped queries, or a latent. */

import { isLite } from "../tracer/gguf.ts";
import type { ModelFormat } from "../tracer/manifest.ts";
import { LATENT_ROTARY, ROLES, type TracerShape } from "../tracer/shape.ts";

/** Sizes of a latent, as Python literals. */
export function attentionConstants({ latent }: TracerShape): readonly string[] {
  return latent === null ? [] : [`LATENT, ROTARY, ROLES = ${latent}, ${LATENT_ROTARY}, ${ROLES}`];
}

/** Defines `attention_tensors`: names and matrices of a layer's attention. */
export function writeAttention(shape: TracerShape, format: ModelFormat): string {
  if (shape.latent === null) return GROUPED;
  if (format === "hf") return LATENT + FOLDER_TENSORS;
  return LATENT + (isLite(shape) ? LITE_QUERY : RANKED_QUERY) + GGUF_TENSORS;
}

const GROUPED = `

def attention_tensors(layer):
    return [("attn_q", layer.q), ("attn_k", layer.k), ("attn_v", layer.v), ("attn_output", layer.o)]
`;

const LATENT = `

# ---- Multi-head latent attention -------------------------------------------------------------------------------
# A cell is the layer's whole input, which passes a norm, and the rotary part of a key. Each head expands it.

STRETCH = math.sqrt(LATENT / HIDDEN)


def entries(m):
    """What is not zero: row, column and value."""
    for i, (value,) in enumerate(struct.iter_unpack("<f", m.data)):
        if value:
            yield i // m.columns, i % m.columns, value


def latent(layer):
    q, compress = Matrix(QUERY_HEADS * KEY, HIDDEN), Matrix(LATENT + ROTARY, HIDDEN)
    norm, output = Matrix(1, LATENT), Matrix(layer.o.rows, layer.o.columns)
    expand = Matrix(2 * QUERY_HEADS * HEAD, LATENT)
    for channel in range(HIDDEN):
        compress.put(channel, channel, 1)
    for row, column, value in entries(layer.k):
        if row < ROTARY:
            compress.put(LATENT + row, column, value)
        else:
            norm.put(0, column, GAIN)
            for head in range(ROLES):
                expand.put(2 * head * HEAD + row, column, value / (STRETCH * GAIN))
    for row, column, value in entries(layer.v):
        norm.put(0, column, GAIN)
        for head in range(ROLES):
            expand.put((2 * head + 1) * HEAD + row, column, value / GAIN)
    for row, column, value in entries(layer.q):
        head, at = divmod(row, HEAD)
        q.put(head * KEY + (HEAD + at if at < ROTARY else at), column, value)
    for row, column, value in entries(layer.o):
        output.put(row, column, value / STRETCH)
    return q, compress, norm, expand, output
`;

const FOLDER_TENSORS = `

def attention_tensors(layer):
    return list(zip(("attn_q", "attn_kv_a_mqa", "attn_kv_a_norm", "attn_kv_b", "attn_output"), latent(layer)))
`;

const LITE_QUERY = `

def query_tensors(q):
    return [("attn_q", q)]
`;

const RANKED_QUERY = `

def query_tensors(q):
    """Queries with a rank, which is the hidden size: they are what they were."""
    same, ones = Matrix(HIDDEN, HIDDEN), Matrix(1, HIDDEN)
    for channel in range(HIDDEN):
        same.put(channel, channel, 1)
        ones.put(0, channel, 1)
    return [("attn_q_a", same), ("attn_q_a_norm", ones), ("attn_q_b", q)]
`;

const GGUF_TENSORS = `

def attention_tensors(layer):
    q, compress, norm, expand, output = latent(layer)
    keys, values = ([Matrix(*size) for _ in range(QUERY_HEADS)] for size in ((LATENT, HEAD), (HEAD, LATENT)))
    for row, column, value in entries(expand):
        head, at = divmod(row, 2 * HEAD)
        if at < HEAD:
            keys[head].put(column, at, value)
        else:
            values[head].put(at - HEAD, column, value)
    return query_tensors(q) + [
        ("attn_kv_a_mqa", compress), ("attn_kv_a_norm", norm), ("attn_k_b", stacked(keys)),
        ("attn_v_b", stacked(values)), ("attn_output", output),
    ]
`;
