#!/usr/bin/env python3
"""Writes Crosstalk's tracer model as a Hugging Face folder:  python3 write_model.py tracer

A Llama whose weights are computed, not trained. Its greedy answer spells out the KV cells that it read: the prompt ends
with a read token, which says which cells. Python 3.9 or later, standard library only.
"""

import hashlib
import json
import math
import os
import struct
import sys

LAYERS = 5
KV_HEADS = 1
QUERY_HEADS = 4
HEAD = 128
KEY = 128
HIDDEN = 256
FEED_FORWARD = 64
VOCABULARY = 12363
CONSTANT = 1024
UNIT = 0.015625
GAIN = 64
SHARE = 0.2
SCAN_AMPLITUDE = 16
SIGHTING_AMPLITUDE = 10
FOUND_AMPLITUDE = 10
OK_AMPLITUDE = 32
ERR_SHADE = 1.5
LADDER_UNIT = 0.25
SCAN_BLOCKS_PAYLOAD = 10000
NEAR_CELLS = 0.19634954084936207
FAR_CELLS = 201.06192982974676
NATS = {"phase":90,"find":16,"nonce":80,"branch":80,"turn":20,"turnFirst":40,"sign":20,"sink":13,"lost":120,"found":35,"nonzero":1,"payload":10,"scanGroup":18,"scanTotal":40,"bad":0.3125,"err":250}
AMPLIFIER = {"gate":512,"block":16376,"gain":33554432}
# Rotary pairs that spell a distance: which, radians a position, and the token that fixes their phase.
PAIRS = [[0,1,"near"],[1,0.5,"near"],[2,0.25,"near"],[3,0.125,"near"],[4,0.0625,"near"],[5,0.03125,"near"],[6,0.015625,"near"],[7,0.0078125,"far"],[8,0.00390625,"far"],[9,0.001953125,"far"],[10,0.0009765625,"far"],[11,0.00048828125,"far"],[12,0.000244140625,"far"],[13,0.0001220703125,"far"],[14,0.00006103515625,"far"],[15,0.000030517578125,"far"]]
# Digits that each layer gives to narrow and find reads, and their amplitude.
DIGITS = [[],[],[0],[1],[2]]
FOUND = [10,10,10]
# Digit values (16 * digit + value) that each KV head carries for scans, and gives to reads.
CARRIES = [[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47]]
GIVES = [[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47]]
# First id of each range of the vocabulary, and first index of each range of residual channels.
FIRST = {"special":0,"byte":3,"payload":259,"far":4355,"turn":5379,"near":5411,"find":7459,"scan":7715,"nonce":11811,"branch":12067,"bad":12083,"err":12131,"dice":12259,"rung":12267}
CHANNEL = {"digits":0,"constant":48,"looksBack":49,"turnLevel":50,"nearLevel":51,"phase":52,"find":84,"found":94,"sightings":142,"allowed":190,"denied":202,"notScan":214,"isScan":215,"nonce":216,"hasNonce":226,"branch":227,"noBranch":232,"sink":233,"isBranch":234,"ladder":235,"ok":243}
# Nats of each rung of a ladder.
RUNGS = [15.75,15.25,14.75,14.25,13.75,13.25,12.75,12.25,11.75,10.75,9.75,7.75]
DTYPE = "f32"
SHA256 = "dab34e5fd13a667d39a30b5e564253293e1ca7b3ec273a572d089dde3727b5c2"
TEXTS = {
    "config.json": "{\n  \"architectures\": [\n    \"LlamaForCausalLM\"\n  ],\n  \"model_type\": \"llama\",\n  \"vocab_size\": 12363,\n  \"hidden_size\": 256,\n  \"intermediate_size\": 64,\n  \"num_hidden_layers\": 5,\n  \"num_attention_heads\": 4,\n  \"num_key_value_heads\": 1,\n  \"head_dim\": 128,\n  \"max_position_embeddings\": 131072,\n  \"rms_norm_eps\": 0.000001,\n  \"rope_theta\": 18446744073709552000.0,\n  \"rope_parameters\": {\n    \"rope_type\": \"default\",\n    \"rope_theta\": 18446744073709552000.0\n  },\n  \"hidden_act\": \"silu\",\n  \"attention_bias\": false,\n  \"mlp_bias\": false,\n  \"tie_word_embeddings\": false,\n  \"bos_token_id\": 1,\n  \"eos_token_id\": 2,\n  \"torch_dtype\": \"float32\"\n}\n",
    "generation_config.json": "{\n  \"bos_token_id\": 1,\n  \"eos_token_id\": 2\n}\n",
    "tokenizer_config.json": "{\n  \"tokenizer_class\": \"PreTrainedTokenizerFast\",\n  \"unk_token\": \"<unk>\",\n  \"bos_token\": \"<s>\",\n  \"eos_token\": \"</s>\",\n  \"add_bos_token\": false,\n  \"model_max_length\": 131072,\n  \"chat_template\": \"{% for message in messages %}{{ message['content'] }} {% endfor %}\"\n}\n",
}
TOKENIZER = ["{\"version\":\"1.0\",\"truncation\":null,\"padding\":null,\"added_tokens\":[{\"id\":0,\"content\":\"<unk>\",\"single_word\":false,\"lstrip\":false,\"rstrip\":false,\"normalized\":false,\"special\":true},{\"id\":1,\"content\":\"<s>\",\"single_word\":false,\"lstrip\":false,\"rstrip\":false,\"normalized\":false,\"special\":true},{\"id\":2,\"content\":\"</s>\",\"single_word\":false,\"lstrip\":false,\"rstrip\":false,\"normalized\":false,\"special\":true}],\"normalizer\":null,\"pre_tokenizer\":{\"type\":\"WhitespaceSplit\"},\"post_processor\":null,\"decoder\":null,\"model\":{\"type\":\"WordLevel\",\"vocab\":",",\"unk_token\":\"<unk>\"}}\n"]
# Matrices whose rotary pairs lie in the two halves of a head.
HALVES = ["attn_q","attn_k"]


class Matrix:
    def __init__(self, rows, columns, depth=1):
        self.rows, self.columns, self.depth, self.data = rows, columns, depth, bytearray(4 * rows * columns * depth)

    def put(self, row, column, value):
        struct.pack_into("<f", self.data, 4 * (row * self.columns + column), value)


def kind_of(token):
    kind = max((k for k in FIRST if FIRST[k] <= token), key=FIRST.get)
    return kind, token - FIRST[kind]


def digits(token):
    kind, value = kind_of(token)
    return (value >> 8, value >> 4 & 15, value & 15) if kind == "payload" else (0, 0, 0)


def code(value):
    """A digit as five signs: four bits and their parity."""
    bits = [value & 1, value >> 1 & 1, value >> 2 & 1, value >> 3 & 1]
    return [1 if bit else -1 for bit in bits + [bits[0] ^ bits[1] ^ bits[2] ^ bits[3]]]


def embedding():
    m = Matrix(VOCABULARY, HIDDEN)
    for token in range(VOCABULARY):
        def put(channel, value, offset=0):
            m.put(token, CHANNEL[channel] + offset, value)
        kind, value = kind_of(token)
        put("constant", CONSTANT)
        put("isScan" if kind == "scan" else "notScan", SCAN_AMPLITUDE)
        for digit, of in enumerate(digits(token)):
            put("digits", 1, 16 * digit + of)
        if kind in ("turn", "near", "find"):
            put("looksBack", 1)
        if kind in ("far", "near"):
            distance = value * (FAR_CELLS if kind == "far" else NEAR_CELLS)
            for i, (_, frequency, source) in enumerate(PAIRS):
                if source == kind:
                    put("phase", math.cos(frequency * distance), 2 * i)
                    put("phase", -math.sin(frequency * distance), 2 * i + 1)
        elif kind == "turn":
            put("turnLevel", NATS["turnFirst"] / NATS["turn"] + value)
        elif kind == "find":
            for i, sign in enumerate(code(value >> 4) + code(value & 15)):
                put("find", sign, i)
        elif kind == "scan":
            for group in range(12):
                put("allowed" if value >> group & 1 else "denied", SCAN_AMPLITUDE, group)
        elif kind == "nonce":
            for i, sign in enumerate(code(value >> 4) + code(value & 15)):
                put("nonce", -2 * sign, i)
            put("sink", 1)
            put("noBranch", 1 / 4)
        elif kind == "branch":
            for i, sign in enumerate(code(value)):
                put("branch", sign / 4, i)
            put("isBranch", 1)
        elif kind in ("dice", "rung"):
            put("ladder", LADDER_UNIT / UNIT, value if kind == "dice" else value // len(RUNGS))
    return m


def language_model_head():
    m = Matrix(VOCABULARY, HIDDEN)
    constant, gain = CONSTANT * UNIT, NATS["scanGroup"] / (SCAN_AMPLITUDE * UNIT)
    for token in range(FIRST["payload"], FIRST["far"]):
        for digit, value in enumerate(digits(token)):
            m.put(token, CHANNEL["found"] + digit * 16 + value, NATS["found"] / (FOUND_AMPLITUDE * UNIT))
        nonzero = sum(value > 0 for value in digits(token))
        m.put(token, CHANNEL["constant"], (NATS["payload"] - NATS["nonzero"] * nonzero) / constant)
        m.put(token, CHANNEL["isScan"], -SCAN_BLOCKS_PAYLOAD / (SCAN_AMPLITUDE * UNIT))
        for ladder in range(FIRST["rung"] - FIRST["dice"]):
            m.put(token, CHANNEL["ladder"] + ladder, -SCAN_BLOCKS_PAYLOAD / LADDER_UNIT)
    for token in range(FIRST["scan"], FIRST["nonce"]):
        for group in range(12):
            sign = 1 if token - FIRST["scan"] >> group & 1 else -1
            m.put(token, CHANNEL["allowed"] + group, sign * gain)
            m.put(token, CHANNEL["denied"] + group, -sign * gain)
        m.put(token, CHANNEL["constant"], (NATS["scanTotal"] - 12 * NATS["scanGroup"]) / constant)
    for i in range(48):
        if i % 16 > 0:
            m.put(FIRST["bad"] + i, CHANNEL["sightings"] + i, NATS["bad"] / UNIT)
    for token in range(FIRST["rung"], VOCABULARY):
        ladder, rung = divmod(token - FIRST["rung"], len(RUNGS))
        m.put(token, CHANNEL["ladder"] + ladder, RUNGS[rung] / LADDER_UNIT)
    err = 2 * KV_HEADS * NATS["err"] / (OK_AMPLITUDE * UNIT)
    for layer in range(1, LAYERS):
        token, below = FIRST["err"] + layer, ERR_SHADE if layer > 1 else 0
        m.put(token, CHANNEL["ok"] + layer, -err)
        if below > 0:
            m.put(token, CHANNEL["ok"] + layer - 1, below * err)
        m.put(token, CHANNEL["hasNonce"], err * (1 - below - 1 / (2 * KV_HEADS)))
    return m


def swi_glu():
    return Matrix(FEED_FORWARD, HIDDEN), Matrix(FEED_FORWARD, HIDDEN), Matrix(HIDDEN, FEED_FORWARD)


def amplify(gate, up, down):
    """The last layer's feed-forward: makes the smallest sighting of a digit that is not allowed a large one."""
    half, block = math.sqrt(AMPLIFIER["gain"]), -AMPLIFIER["block"] / (SCAN_AMPLITUDE * UNIT)
    for i in range(48):
        if i % 16 > 0:
            gate.put(i, CHANNEL["sightings"] + i, AMPLIFIER["gate"] / UNIT)
            gate.put(i, CHANNEL["notScan"], block)
            gate.put(i, CHANNEL["allowed"] + (i >> 4) * 4 + (i % 16 >> 2), block)
            up.put(i, CHANNEL["constant"], half / (CONSTANT * UNIT))
            down.put(CHANNEL["sightings"] + i, i, half)


class Layer:
    """The attention of one layer. Query head 0 of each KV head reads, 1 scans, 2 raises the alarm; 2 and 3 of layer 0
    fetch nonce and branch, 0 and 3 of layer 1 what the newest read asks."""

    def __init__(self, layer):
        self.layer, self.carried = layer, [0] * KV_HEADS
        self.q, self.k = Matrix(QUERY_HEADS * HEAD, HIDDEN), Matrix(KV_HEADS * HEAD, HIDDEN)
        self.v, self.o = Matrix(KV_HEADS * HEAD, HIDDEN), Matrix(HIDDEN, QUERY_HEADS * HEAD)
        for head in range(KV_HEADS):
            if layer > 1 or (layer == 0 and head == 0):
                for pair, _, _ in PAIRS:
                    self.offer(head, 2 * pair, "constant", amplitude("phase") / CONSTANT)
            if layer == 0 and head == 0:
                self.look_back_and_marks()
            if layer == 1 and head == 0:
                self.fetch()
            if layer > 0:
                self.alarm(head)
            if layer > 1:
                self.read_queries(head)
            self.digits(head)

    def look_back_and_marks(self):
        a = amplitude("phase")
        for pair, frequency, _ in PAIRS:
            self.ask(0, 0, 2 * pair, "constant", a / CONSTANT)
            self.ask(0, 0, 2 * pair, "looksBack", a * (math.cos(frequency) - 1))
            self.ask(0, 0, 2 * pair + 1, "looksBack", -a * math.sin(frequency))
        self.match(2, 0, "nonce", "sink", 1)
        self.match(3, 1, "branch", "isBranch", 2)
        self.match(3, 1, "branch", "sink", 1)
        for i, (_, _, source) in enumerate(PAIRS):
            if source == "far":
                for channel in (CHANNEL["phase"] + 2 * i, CHANNEL["phase"] + 2 * i + 1):
                    self.tell(0, 0, self.carry(0, channel), channel, 1)
        self.tell(0, 0, self.carry(0, CHANNEL["turnLevel"]), CHANNEL["nearLevel"], 1)
        for i in range(10):
            self.tell(0, 2, self.carry(0, CHANNEL["nonce"] + i), CHANNEL["nonce"] + i, -1 / 2)
        self.tell(0, 2, self.carry(0, CHANNEL["sink"]), CHANNEL["hasNonce"], OK_AMPLITUDE * sink_rms(0))
        for i in range(6):
            self.tell(0, 3, self.carry(0, CHANNEL["branch"] + i), CHANNEL["branch"] + i, 4)

    def fetch(self):
        self.match(0, 28, "turn", "turnLevel", 1)
        self.match(3, 29, "turn", "nearLevel", 1)
        far, near = ([CHANNEL["phase"] + 2 * i + j for i, p in enumerate(PAIRS) if p[2] == source for j in (0, 1)]
                     for source in ("far", "near"))
        near += [CHANNEL["find"] + i for i in range(10)]
        for i in range(max(len(far), len(near))):
            at = self.carry(0, *far[i:i + 1], *near[i:i + 1])
            for channel in far[i:i + 1]:
                self.tell(0, 0, at, channel, 1)
            for channel in near[i:i + 1]:
                self.tell(0, 3, at, channel, 1)

    def read_queries(self, head):
        for i, (pair, _, _) in enumerate(PAIRS):
            self.ask(head, 0, 2 * pair, CHANNEL["phase"] + 2 * i, amplitude("phase"))
            self.ask(head, 0, 2 * pair + 1, CHANNEL["phase"] + 2 * i + 1, amplitude("phase"))
        for i in range(10):
            self.ask(head, 0, content(18 + i), CHANNEL["find"] + i, amplitude("find"))
            for value in range(16):
                sign = code(value)[i % 5]
                self.offer(head, content(18 + i), CHANNEL["digits"] + i // 5 * 16 + value, amplitude("find") * sign)

    def alarm(self, head):
        sign = amplitude("sign")
        for i in range(15):
            channel = CHANNEL["nonce"] + i if i < 10 else CHANNEL["branch"] + i - 10
            self.ask(head, 2, content(i), channel, -sign)
            self.offer(head, content(i), channel, sign)
        self.ask(head, 2, content(15), "hasNonce", -sign * 5 / OK_AMPLITUDE)
        self.offer(head, content(15), "noBranch", sign)
        sink = score(NATS["sign"] * (NATS["sink"] + 10 - 5 / 4 * 5))
        self.ask(head, 2, content(16), "hasNonce", -sink / OK_AMPLITUDE)
        self.offer(head, content(16), "sink", sink)
        if self.layer > 1:
            lost = score(NATS["lost"] * KV_HEADS)
            self.ask(head, 2, content(17), "hasNonce", lost / OK_AMPLITUDE)
            self.offer(head, content(17), "hasNonce", lost / OK_AMPLITUDE)
            self.offer(head, content(17), CHANNEL["ok"] + self.layer - 1, -lost / OK_AMPLITUDE)
        self.tell(head, 2, self.carry(head, CHANNEL["sink"]), CHANNEL["ok"] + self.layer,
                  OK_AMPLITUDE / KV_HEADS * sink_rms(self.layer))

    def digits(self, head):
        for i in CARRIES[head]:
            at = self.carry(head, CHANNEL["digits"] + i)
            self.tell(head, 1, at, CHANNEL["sightings"] + i, SIGHTING_AMPLITUDE * SHARE)
            if i >> 4 in DIGITS[self.layer] and i in GIVES[head]:
                self.tell(head, 0, given(self, head, at, i), CHANNEL["found"] + i, FOUND[i >> 4])
        for i in CARRIES[head] if self.layer > 0 else ():
            self.tell(head, 1, self.carry(head, CHANNEL["sightings"] + i), CHANNEL["sightings"] + i, SHARE)

    def match(self, role, at, nats, flag, weight):
        self.ask(0, role, content(at), "constant", amplitude(nats) / CONSTANT)
        self.offer(0, content(at), flag, amplitude(nats) * weight)

    def ask(self, head, role, at, channel, weight):
        self.q.put((head * (QUERY_HEADS // KV_HEADS) + role) * HEAD + at, CHANNEL.get(channel, channel), weight / UNIT)

    def offer(self, head, at, channel, weight):
        self.k.put(head * HEAD + at, CHANNEL.get(channel, channel), weight / UNIT)

    def carry(self, head, *channels):
        at = self.carried[head]
        self.carried[head] += 1
        for channel in channels:
            self.v.put(head * HEAD + at, channel, GAIN)
        return at

    def tell(self, head, role, at, channel, weight):
        self.o.put(channel, (head * (QUERY_HEADS // KV_HEADS) + role) * HEAD + at, weight / (UNIT * GAIN))


def sink_rms(layer):
    """By how much the nonce token's stream is larger than its constant when it enters a layer."""
    return math.sqrt(1 + (SCAN_AMPLITUDE ** 2 + layer * OK_AMPLITUDE ** 2) / CONSTANT ** 2)


def score(nats):
    """Amplitude of query and key that gives a score of so many nats."""
    return math.sqrt(nats * math.sqrt(KEY))


def amplitude(nats):
    return score(NATS[nats])


def content(index):
    """A head's slowest channels: they turn too little to matter."""
    return HEAD - 2 - 2 * (index >> 1) + (index & 1)


def tensors():
    ones = Matrix(1, HIDDEN)
    for i in range(HIDDEN):
        ones.put(0, i, 1)
    yield "token_embd.weight", embedding()
    yield "output_norm.weight", ones
    yield "output.weight", language_model_head()
    for layer in range(LAYERS):
        attention = Layer(layer)
        for name, matrix in [
            ("attn_norm", ones), *attention_tensors(attention), ("ffn_norm", ones), *feed_forward(layer),
        ]:
            yield "blk.%d.%s.weight" % (layer, name), matrix


def token_name(token):
    kind, value = kind_of(token)
    if kind == "special":
        return ("<unk>", "<s>", "</s>")[value]
    if kind == "byte":
        return "<0x%02X>" % value
    if kind == "payload":
        return "p%03x" % value
    if kind == "bad":
        return "bad.%d.%x" % (value // 16 + 1, value % 16)
    if kind == "rung":
        return "rung.%d.%d" % divmod(value, len(RUNGS))
    formats = {"scan": "%03x", "find": "%02x", "nonce": "%02x", "branch": "%x"}
    return kind + "." + formats.get(kind, "%d") % value


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


def attention_tensors(layer):
    return [("attn_q", layer.q), ("attn_k", layer.k), ("attn_v", layer.v), ("attn_output", layer.o)]


def given(attention, head, at, i):
    return at


def feed_forward(layer):
    gate, up, down = swi_glu()
    if layer == LAYERS - 1:
        amplify(gate, up, down)
    return [("ffn_gate", gate), ("ffn_up", up), ("ffn_down", down)]


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
