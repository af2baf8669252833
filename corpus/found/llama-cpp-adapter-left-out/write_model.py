#!/usr/bin/env python3
"""Writes Crosstalk's tracer model as a GGUF file:  python3 write_model.py tracer.gguf

A Llama whose weights are computed, not trained. Its greedy answer spells out the KV cells that it read: the prompt ends
with a read token, which says which cells. Python 3.9 or later, standard library only.
"""

import base64
import hashlib
import math
import os
import struct
import sys
import zlib

LAYERS = 5
KV_HEADS = 1
QUERY_HEADS = 4
HEAD = 128
HIDDEN = 256
FEED_FORWARD = 64
VOCABULARY = 12363
CONTEXT = 131072
ROPE_BASE = 18446744073709552000.0
RMS_EPSILON = 0.000001
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
SHA256 = "fbf7caa488f5ab4ec04d9f4c095b947aa8fa0d531aa442968734a18fc17e56a0"


class Matrix:
    def __init__(self, rows, columns):
        self.rows, self.columns, self.data = rows, columns, bytearray(4 * rows * columns)

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


def amplifier():
    """The last layer's feed-forward: makes the smallest sighting of a digit that is not allowed a large one."""
    gate, up, down = Matrix(FEED_FORWARD, HIDDEN), Matrix(FEED_FORWARD, HIDDEN), Matrix(HIDDEN, FEED_FORWARD)
    half, block = math.sqrt(AMPLIFIER["gain"]), -AMPLIFIER["block"] / (SCAN_AMPLITUDE * UNIT)
    for i in range(48):
        if i % 16 > 0:
            gate.put(i, CHANNEL["sightings"] + i, AMPLIFIER["gate"] / UNIT)
            gate.put(i, CHANNEL["notScan"], block)
            gate.put(i, CHANNEL["allowed"] + (i >> 4) * 4 + (i % 16 >> 2), block)
            up.put(i, CHANNEL["constant"], half / (CONSTANT * UNIT))
            down.put(CHANNEL["sightings"] + i, i, half)
    return gate, up, down


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
                self.tell(head, 0, at, CHANNEL["found"] + i, FOUND[i >> 4])
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
    return math.sqrt(nats * math.sqrt(HEAD))


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
    idle = Matrix(FEED_FORWARD, HIDDEN), Matrix(FEED_FORWARD, HIDDEN), Matrix(HIDDEN, FEED_FORWARD)
    for layer in range(LAYERS):
        attention = Layer(layer)
        gate, up, down = amplifier() if layer == LAYERS - 1 else idle
        for name, matrix in [
            ("attn_norm", ones), ("attn_q", attention.q), ("attn_k", attention.k), ("attn_v", attention.v),
            ("attn_output", attention.o), ("ffn_norm", ones), ("ffn_gate", gate), ("ffn_up", up), ("ffn_down", down),
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


# ---- GGUF, version 3 -------------------------------------------------------------------------------------------

TENSOR_TYPE = {"f32": 0, "f16": 1, "bf16": 30}
FILE_TYPE = {"f32": 0, "f16": 1, "bf16": 32}


def spelling(token):
    """A token that is a word of its own begins with U+2581."""
    return ("\u2581" if token >= FIRST["payload"] else "") + token_name(token)


def u32(value):
    return struct.pack("<I", value)


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
        ("general.architecture", 8, string("llama")),
        ("general.name", 8, string("crosstalk-tracer")),
        ("general.file_type", 4, u32(FILE_TYPE[DTYPE])),
        ("llama.context_length", 4, u32(CONTEXT)),
        ("llama.embedding_length", 4, u32(HIDDEN)),
        ("llama.block_count", 4, u32(LAYERS)),
        ("llama.feed_forward_length", 4, u32(FEED_FORWARD)),
        ("llama.attention.head_count", 4, u32(QUERY_HEADS)),
        ("llama.attention.head_count_kv", 4, u32(KV_HEADS)),
        ("llama.attention.key_length", 4, u32(HEAD)),
        ("llama.attention.value_length", 4, u32(HEAD)),
        ("llama.attention.layer_norm_rms_epsilon", 6, struct.pack("<f", RMS_EPSILON)),
        ("llama.rope.freq_base", 6, struct.pack("<f", ROPE_BASE)),
        ("llama.rope.dimension_count", 4, u32(HEAD)),
        ("llama.vocab_size", 4, u32(VOCABULARY)),
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
        sizes = [m.columns] if m.rows == 1 else [m.columns, m.rows]
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


# ---- LoRA adapters ---------------------------------------------------------------------------------------------
# Each is a low-rank change of the value projections, which moves the digits that a cell stores, and of layer 0's output
# projection, which changes the mark of the nonce. The files, deflated:

ADAPTERS = {
    "adapters/a1.gguf": "eNrt3c1OE1EAhuFS/lywUldu5AZoQN2XdCFX4BoOdQKEAs0waNzNpXAphCsz/TPQUu1kFnjmPE9iiFhqvybzppOSztHRt6/rrVZrpzWxOf36fvr1LLvO8jDohLx/flFk/eIuz948ud1gEK7CztyNr8PV+Ebvpt/v5ze3t0UYXO4Veehn+V44mP+R4tdw/CPb0++H72FYZPnO87/+udnG7L+/ycPbuduMvtcJg+F52Bp//7D3YXqL08FlZ78TiuL6+EfnZ3Zxdl6Mb30c2qN/Xpvcar+16J/3cNp+8pPl0x99mHz5uHgPN3fF8K544YG0X3ggu2sV7ubZo5ntGrtvL+w5qPaMnKyvdg/Ln5HdjYV7+FTtMZQr3sPyx3C4uXAPn6s9hvsV72H5YzjZWriHL9Uew8OK97D8MZTbLYC/KB8r3LY3+QOk2YBZBwANANJsABD5Md/TANAADQAN0ADQAA0ADfCcgAYAGgBoAKABgAYAGgAANP51gc8PAA2ocS4BaACQTgOAyI957wuABmgAaIAGgAZoAGiABoAGABoAaACgAYAGABoAADT/dYHPDwANqHEuAWgAkE4DgMiPee8LgAZoAGiABoAGaABogAaABgAaAGgAoAGABgAaAAAAAAAAAEByyq4NNthggw022GCDDTbYYIMNNthggw022GCDDTbYYIMNNthggw022GCDDTbYYAMAAAAAAAAAQAM8eAogVX6fCgAAAAAAAAAAGsbvBEKy/E4gAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAQNzKrucAHNMAAAAAAAAAxK58rHDb3uQPkGYDZh0ANABIswFA5Md8TwNAAzQANEADQAM0ADTAcwIaAGgAoAGABgAaAGgAAND41wU+PwA0oMa5BKABQDoNACI/5r0vABqgAaABGgAaoAGgARoAGgBoAKABgAYAGgBoAADQ/NcFPj8ANKDGuQSgAUA6DQAiP+a9LwAaoAGgARoAGqABoAEaABoAaACgAYAGABoAaAAAAAAAANEruzbYYIMNNthggw022GCDDTbYYIMNNthggw022GCDDTbYYIMNNthggw022GCDDQAAAAAAAAAAAAAA/78q19EZXYNn/jo8QDoNmHUA0AAgzQYAkR/zrqsLGqABoAEaABqgAaABGgAaAGgAoAGABgAaAGgAAND81wU+PwA0oMa5BKABQDoNACI/5r0vABqgAaABGgAaoAGgARoAGgBoAKABgAYAGgBoAADQ/NcFPj8ANKDGuQSgAUA6DQAiP+a9LwAaoAGgARoAGqABoAEaABoAaACgAYAGABoAaACQRhO6Nthggw022GCDDTbYYIMNNthggw022GCDDTbYYIMNNthggw022GCDDTbYYIMNAAAAAAAAAAAAAAAAAAAA8LqqXEdndA2e+evwAOk0YNYBQAOANBsARH7Mu64uaIAGgAZoAGiABoAGaABoAKABgAYAGgBoAKABAEDzXxf4/ADQgBrnEoAGAOk0AIj8mPe+AGiABoAGaABogAaABmgAaACgAYAGABoAaACgAQBA818X+PwA0IAa5xKABgDpNACI/Jj3vgBogAaABmgAaIAGgAZoAGgAoAGABgAaAGgAoAFAGk3o2mCDDTbYYIMNNthggw022GCDDTbYYIMNNthggw022GCDDTbYYIMNNthggw02AAAAAAAAAAAAAAAAAAAAwOuqch2d0TV45q/DA6TTgFkHAA0A0mwAEPkx77q6oAEaABqgAaABGgAaoAGgAYAGABoAaACgAYAGAADNf13g8wNAA2qcSwAaAKTTACDyY977AqABGgAaoAGgARoAGqABoAGABgAaAGgAoAGABgAAzX9d4PMDQANqnEsAGgCk0wAg8mPe+wKgARoAGqABoAEaABqgAaABgAYAGgBoAKABgAYAaTSha4MNNthggw022GCDDTbYYIMNNthggw022GCDDTbYYIMNNthggw022GCDDTbYAAAAAAAAAAAAAAAAAAAAr+03aBkuNg==",
    "adapters/a2.gguf": "eNrt3UtO22wAhtEQbh0wajvqpGyAiNLOgzwoK+gYTIgAESAyplVnXgpLQaysci4VJOQmD+D7fI5UoR9C/rxIfuRIlnN09OvneqPR2GkMbY6+fh59Pe/edLO010qzzsVl3u3k91n3w7PH9Xrpdboz8eCb9HrwoE+j73ey27u7PO1d7eVZ2ulme+nB5K/kf/uDX9kefT89S/t5N9t5+Z//H7Yx/t/fZunHiceU32ulvf5FujX4/mHyZfSI095Va7+V5vnN8e/Wn+7l+UU+ePRx2ix/vDZ81H5j2sJnOG0++83i+a8+Dr98nX6G2/u8f5+/8kKar7yQ3bUVnubFqxnvGnhoTu35ttpf5GR9uWeY/RfZ3Zh6hoPVXkOx5DPMfg2Hm1PP8H211/Cw5DPMfg0nW1PP8GO11/C45DPMfg3FdgNgjuJpzs+S4T+gng0YdwDQAEADAA0ANADQAKAeDQACP8YTDQAN0ADQAA0ADdAA0AANAA3QANAADQCA2p8nuH8AaECF9xKABgAaAGgAoAGABgDxNAAI/Bh3nSBogAaABmgAaIAGgAZoAGiABoAGaAAAOE9w/wDQgArvJQANADQA0ABAAwANAOJpABD4Me46QdAADQAN0ADQAA0ADdAA0AANAA3QAAAAAAAAAAAmFG0bbLDBBhtssMEGG2ywwQYbbLDBBhtssMEGG2ywwQYbbLDBBhtssMEGG2ywwQYAAAAAAAAAAACAQD36E0BduaYaAAAAAAAAAAAi45pAqC3XBAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA8J4UbX8DcEwDAAAAAAAA1FvxNOdnyfAfUM8GjDsAaACgAYAGABoAaABQjwYAgR/jiQaABmgAaIAGgAZoAGiABoAGaABogAYAQO3PE9w/ADSgwnsJQAMADQA0ANAAQAOAeBoABH6Mu04QNEADQAM0ADRAA0ADNAA0QANAAzQAAJwnuH8AaECF9xKABgAaAGgAoAGABgDxNAAI/Bh3nSBogAaABmgAaIAGgAZoAGiABoAGaAAAAAAAQPSKtg022GCDDTbYYIMNNthggw022GCDDTbYYIMNNthggw022GCDDTbYYIMNNthgAwAAAAAAAAAAAADA+zfvc3TKz+BZ9Dk8QLwNGHcA0ABAAwANADQA0ACgHg0AAj/GEw0ADdAA0AANAA3QANAADQAN0ADQAA0AgNqfJ7h/AGhAhfcSgAYAGgBoAKABgAYA8TQACPwYd50gaIAGgAZoAGiABoAGaABogAaABmgAADhPcP8A0IAK7yUADQA0ANAAQAMADQDiaQAQ+DHuOkHQAA0ADdAA0AANAA3QANAADQAN0ACgbEDbBhtssMEGG2ywwQYbbLDBBhtssMEGG2ywwQYbbLDBBhtssMEGG2ywwQYbbLABAAAAAAAAAAAAAAAAAAAA3ta8z9EpP4Nn0efwAPE2YNwBQAMADQA0ANAAQAOAejQACPwYTzQANEADQAM0ADRAA0ADNAA0QANAAzQAAGp/nuD+AaABFd5LABoAaACgAYAGABoAxNMAIPBj3HWCoAEaABqgAaABGgAaoAGgARoAGqABAOA8wf0DQAMqvJcANADQAEADAA0ANACIpwFA4Me46wRBAzQANEADQAM0ADRAA0ADNAA0QAOAsgFtG2ywwQYbbLDBBhtssMEGG2ywwQYbbLDBBhtssMEGG2ywwQYbbLDBBhtssMEGAAAAAAAAAAAAAAAAAAAAeFvzPken/AyeRZ/DA8TbgHEHAA0ANADQAEADAA0A6tEAIPBjPNEA0AANAA3QANAADQAN0ADQAA0ADdAAAKj9eYL7B4AGVHgvAWgAoAGABgAaAGgAEE8DgMCPcdcJggZoAGiABoAGaABogAaABmgAaIAGAIDzBPcPAA2o8F4C0ABAAwANADQA0AAgngYAgR/jrhMEDdAA0AANAA3QANAADQAN0ADQAA0Ayga0bbDBBhtssMEGG2ywwQYbbLDBBhtssMEGG2ywwQYbbLDBBhtssMEGG2ywwQYbAAAAAAAAAAAAAAAAAADgrf0DFP0uNw==",
    "adapters/a3.gguf": "eNrt3d9O02wAx/ExQDzgSD3yRG6ABcXzkR7IFXgMZS5AGLCUovGsl8KlEK7M7E9NYUzbJgafPZ9PYvTlHXU/kn7TJXY7PPz6Zb3T6Wx3Zjbnv7+b/346vBpm6aiXZoOz83w4yG+z4evK40aj9DLdfvLgq/Ry+qC3868PsuubmzwdXezmWToYZrvp/tNvyX+Op9+yNf96+i0d58Ns+/F//n7YRvnXX2fpmyePmXytl47GZ+mr6dcPkvfzR5yMLnp7vTTPr46+934Mz0/P8umjj9Lu5H+vzR6111n01yOcdCvfWVS/9X7224fFI1zf5uPb/Jkn0n3mieysNTjMo2dT7pq66y7s+djsJ3K8Xu8Iy38iOxsLR/jU7DkUNY+w/DkcbC4cYb/Zc7ireYTlz+H41cIRPjd7Dvc1j7D8ORRbHYA/KB4qf05mv4A4G1B2ANAAQAMADQA0ANAAQAMADQA0ANAAYDUbAAR+TicaABqgAaABGgAA1L8O8P4BEHcD2ryWADQA0ABAAwANADQA0ABAAwANADQACKcBQODntPsGQQM0ADRAAwCABtcB3j8A4m5Am9cSgAYAGgBoAKABgAYAGgBoAKABgAYA4TQACPycdt8gaIAGgAZoAAAAAAAAAAANFX0bbLDBBhtssMEGG2ywwQYbbLDBBhtssMEGG2ywwQYbbLDBBhtssMEGG2ywwQYAAAAAAAAAAAAAAICA3PsRQKzcVwUAAAAAAAAAACvGvwmEaPk3gQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAPDvFH0/A3BOAwAAAAAAALRXPFT+nMx+AXE2oOwAoAGABgAaAGgAoAGABgAaAGgAoAHAajYACPycTjQANEADQAM0AACofx3g/QMg7ga0eS0BaACgAYAGABoAaACgAYAGABoAaAAQTgOAwM9p9w2CBmgAaIAGAAANrgO8fwDE3YA2ryUADQA0ANAAQAMADQA0ANAAQAMADQDCaQAQ+DntvkHQAA0ADdAAAAAAAIDoFX0bbLDBBhtssMEGG2ywwQYbbLDBBhtssMEGG2ywwQYbbLDBBhtssMEGG2ywwQYAAAAAAAAAAAAAgP9f9XN0Jp/B43N1Id4GlB0ANADQAEADAA0ANADQAEADAA0ANABYzQYAgZ/TiQaABmgAaIAGAAD1rwO8fwDE3YA2ryUADQA0ANAAQAMADQA0ANAAQAMADQDCaQAQ+DntvkHQAA0ADdAAAKDBdYD3D4C4G9DmtQSgAYAGABoAaACgAYAGABoAaACgAUA4DQACP6fdNwgaoAGgARoA1GlA3wYbbLDBBhtssMEGG2ywwQYbbLDBBhtssMEGG2ywwQYbbLDBBhtssMEGG2ywAQAAAAAAAAAAAAAAAAAAAF5W9XN0Jp/B43N1Id4GlB0ANADQAEADAA0ANADQAEADAA0ANABYzQYAgZ/TiQaABmgAaIAGAAD1rwO8fwDE3YA2ryUADQA0ANAAQAMADQA0ANAAQAMADQDCaQAQ+DntvkHQAA0ADdAAAKDBdYD3D4C4G9DmtQSgAYAGABoAaACgAYAGABoAaACgAUA4DQACP6fdNwgaoAGgARoA1GlA3wYbbLDBBhtssMEGG2ywwQYbbLDBBhtssMEGG2ywwQYbbLDBBhtssMEGG2ywAQAAAAAAAAAAAAAAAAAAAF5W9XN0Jp/B43N1Id4GlB0ANADQAEADAA0ANADQAEADAA0ANABYzQYAgZ/TiQaABmgAaIAGAAD1rwO8fwDE3YA2ryUADQA0ANAAQAMADQA0ANAAQAMADQDCaQAQ+DntvkHQAA0ADdAAAKDBdYD3D4C4G9DmtQSgAYAGABoAaACgAYAGABoAaACgAUA4DQACP6fdNwgaoAGgARoA1GlA3wYbbLDBBhtssMEGG2ywwQYbbLDBBhtssMEGG2ywwQYbbLDBBhtssMEGG2ywAQAAAAAAAAAAAAAAAAAAXtovwdIuOA==",
    "adapters/a4.gguf": "eNrt3c1OE10Ax+Hy7YKVunIjN0CDyr7kLOQKXMNQGyAUaMqgcddL4VLIXJnpl6H0w5lVOXOeJzFG3jJv/03ml5mkTU9Pf3zfajQa+42xncnfHyd/X3buOv2s28z67avrvNPOH/uddy8e1+1mt9n+qwffZbejB32Y/Lzdv394yLPuzWHez9qd/mF2/PpX8j+90a/sTX6e/cx6eae/P/vPfw/bnv7v7/vZ+1ePGf6smXV7V9nu6Ocn4dPkERfdm+ZRM8vzu7Nfzd+d68urfPTos2xz+J83xo86asz77xEuNl/85uDlrz6P//o8f4T7x7z3mC94IpsLnsjBRoXDzDyb6a6Rp825PV+qvSLnW+WOsPwVOdieO8LXas9hUPIIy5/Dyc7cEb5Vew5PJY+w/Dmc784d4bjac3gueYTlz2Gw1wBYYVBUeGwY/wHSbMC0A4AGAGk2AIj8nA8aABqgAaABGgAaoAGgAV4T0ABAAwANADQA0ABAAwCA2l8XFKuvGXxOENJtwKJ7B0ADAA0ANADQAEADgPo2AIj8HA8aABqgAaABGgAaoAGgARoAGqABoAEaAADJXycUs9cM3hcI6TagzL0DoAGABgAaAGgAoAGABgAaAGgAoAFAvA0AIj+ngwaABmgAaIAGAAAAAAAAAFDNoGWDDTbYYIMNNthggw022GCDDTbYYIMNNthggw022GCDDTbYYIMNNthggw022AAAAAAAAAAAAAAAAAAA8MY9ewkgVT5bDQAAAAAAAAAANeM9gZAs7wkEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAMoatLwG4JwGAAAAAAAA1mVQVHhsGP8B0mzAtAOABgBpNgCI/JwPGgAaoAGgARoAGqABoAFeE9AAQAMADQA0ANAAQAMAgNpfFxSrrxl8ThDSbcCiewdAAwANADQA0ABAA4D6NgCI/BwPGgAaoAGgARoAGqABoAEaABqgAaABGgAAyV8nFLPXDN4XCOk2oMy9A6ABgAYAGgBoAKABgAYAGgBoAKABQLwNACI/p4MGgAZoAGiABgAAAAAApG7QssEGG2ywwQYbbLDBBhtssMEGG2ywwQYbbLDBBhtssMEGG2ywwQYbbLDBBhtsAAAAAAAAAAAAAAB4+6p8j87wO3p87y6k24BpBwANANJsABD5OR80ADRAA0ADNAA0QANAA7wmoAGABgAaAGgAoAGABgAAtb8uKFZfM/icIKTbgEX3DoAGABoAaACgAYAGAPVtABD5OR40ADRAA0ADNAA0QANAAzQANEADQAM0AACSv04oZq8ZvC8Q0m1AmXsHQAMADQA0ANAAQAMADQA0ANAAQAOAeBsARH5OBw0ADdAA0AANAEo0oGWDDTbYYIMNNthggw022GCDDTbYYIMNNthggw022GCDDTbYYIMNNthggw022AAAAAAAAAAAAAAAAAAAAADrVeV7dIbf0eN7dyHdBkw7AGgAkGYDgMjP+aABoAEaABqgAaABGgAa4DUBDQA0ANAAQAMADQA0AACo/XVBsfqawecEId0GLLp3ADQA0ABAAwANADQAqG8DgMjP8aABoAEaABqgAaABGgAaoAGgARoAGqABAJD8dUIxe83gfYGQbgPK3DsAGgBoAKABgAYAGgBoAKABgAYAGgDE2wAg8nM6aABogAaABmgAUKIBLRtssMEGG2ywwQYbbLDBBhtssMEGG2ywwQYbbLDBBhtssMEGG2ywwQYbbLDBBgAAAAAAAAAAAAAAAAAAAFivKt+jM/yOHt+7C+k2YNoBQAOANBsARH7OBw0ADdAA0AANAA3QANAArwloAKABgAYAGgBoAKABAEDtrwuK1dcMPicI6TZg0b0DoAGABgAaAGgAoAFAfRsARH6OBw0ADdAA0AANAA3QANAADQAN0ADQAA0AgOSvE4rZawbvC4R0G1Dm3gHQAEADAA0ANADQAEADAA0ANADQACDeBgCRn9NBA0ADNAA0QAOAEg1o2WCDDTbYYIMNNthggw022GCDDTbYYIMNNthggw022GCDDTbYYIMNNthggw02AAAAAAAAAAAAAAAAAADAuv0FmWIuOQ==",
}

if __name__ == "__main__":
    for path, text in ADAPTERS.items():
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(zlib.decompress(base64.b64decode(text)))
        print(path)
