/** `write_model.py`: writes the tracer, byte for byte what Crosstalk writes, with Python's standard library alone. */

import { DICE_NATS, LADDER } from "../tracer/dice.ts";
import { DEFAULT_MODEL, type ModelChoice, type ModelFormat, tracerModel } from "../tracer/manifest.ts";
import { farDistance, nearDistance } from "../tracer/read-tokens.ts";
import * as shapes from "../tracer/shape.ts";
import { FIRST, VOCABULARY_SIZE } from "../tracer/vocabulary.ts";
import { MODEL_NAMES } from "./wording.ts";
import { writeAdapters } from "./write-model-py-adapters.ts";
import { attentionConstants, writeAttention } from "./write-model-py-attention.ts";
import { expertConstants, writeFeedForward } from "./write-model-py-experts.ts";
import { folderConstants, WRITE_FOLDER } from "./write-model-py-folder.ts";
import { ggufConstants, WRITE_GGUF } from "./write-model-py-gguf.ts";

/**
 * The constants come from the tracer's own source, so that they cannot differ from it; the test compares the hashes.
 * @param adapters whether the LoRA adapters are to be written too, into the folder `adapters` of the working directory
 */
export function writeModelPy(choice: ModelChoice = DEFAULT_MODEL, adapters = false): string {
  const { shape, format, dtype } = choice;
  const model = tracerModel(choice);
  const { kvHeads, queryHeads, headSize } = shape;
  const heads = Array.from({ length: kvHeads }, (_, head) => head);
  const units = (of: typeof shapes.carries) =>
    heads.map((head) =>
      Array.from({ length: shapes.SIGHTINGS }, (_, i) => i).filter((i) => of(shape, head, i >> 4, i & 15)),
    );
  const constants = {
    LAYERS: shapes.layersOf(shape),
    KV_HEADS: kvHeads,
    QUERY_HEADS: queryHeads,
    HEAD: headSize,
    KEY: shapes.keySize(shape),
    HIDDEN: shapes.hiddenSize(shape),
    FEED_FORWARD: shapes.feedForwardSize(shape),
    VOCABULARY: VOCABULARY_SIZE,
    CONSTANT: shapes.CONSTANT,
    UNIT: shapes.norm(shape),
    GAIN: shapes.valueGain(shape),
    SHARE: 1 / (shapes.layersOf(shape) * shapes.copiesOf(shape)),
    SCAN_AMPLITUDE: shapes.SCAN_AMPLITUDE,
    SIGHTING_AMPLITUDE: shapes.SIGHTING_AMPLITUDE,
    FOUND_AMPLITUDE: shapes.FOUND_AMPLITUDE,
    OK_AMPLITUDE: shapes.OK_AMPLITUDE,
    ERR_SHADE: shapes.ERR_SHADE,
    LADDER_UNIT: shapes.LADDER_UNIT,
    SCAN_BLOCKS_PAYLOAD: shapes.SCAN_BLOCKS_PAYLOAD,
    NEAR_CELLS: nearDistance(1),
    FAR_CELLS: farDistance(1),
  };
  const nats = {
    phase: shapes.PHASE_NATS,
    find: shapes.FIND_NATS,
    nonce: shapes.NONCE_NATS,
    branch: shapes.BRANCH_NATS,
    turn: shapes.TURN_NATS.each,
    turnFirst: shapes.TURN_NATS.first,
    sign: shapes.ALARM_NATS.sign,
    sink: shapes.ALARM_NATS.sink,
    lost: shapes.ALARM_NATS.lost,
    found: shapes.FOUND_NATS,
    nonzero: shapes.NONZERO_NATS,
    payload: shapes.PAYLOAD_NATS,
    scanGroup: shapes.SCAN_NATS.group,
    scanTotal: shapes.SCAN_NATS.total,
    bad: shapes.BAD_NATS,
    err: shapes.ERR_NATS,
  };
  const layers = Array.from({ length: shapes.layersOf(shape) }, (_, layer) => layer);
  const pairs = shapes.phasePairs(headSize).map(({ pair, frequency, from }) => [pair, frequency, from]);
  const lines = [
    ...Object.entries(constants).map(([name, value]) => `${name} = ${value}`),
    `NATS = ${JSON.stringify(nats)}`,
    `AMPLIFIER = ${JSON.stringify(shapes.AMPLIFIER)}`,
    "# Rotary pairs that spell a distance: which, radians a position, and the token that fixes their phase.",
    `PAIRS = ${JSON.stringify(pairs)}`,
    "# Digits that each layer gives to narrow and find reads, and their amplitude.",
    `DIGITS = ${JSON.stringify(layers.map((layer) => shapes.digitsOfLayer(shape, layer)))}`,
    `FOUND = ${JSON.stringify([0, 1, 2].map((digit) => shapes.foundAmplitude(shape, digit)))}`,
    "# Digit values (16 * digit + value) that each KV head carries for scans, and gives to reads.",
    `CARRIES = ${JSON.stringify(units(shapes.carries))}`,
    `GIVES = ${JSON.stringify(units(shapes.gives))}`,
    "# First id of each range of the vocabulary, and first index of each range of residual channels.",
    `FIRST = ${JSON.stringify(FIRST)}`,
    `CHANNEL = ${JSON.stringify(shapes.CHANNEL)}`,
    "# Nats of each rung of a ladder.",
    `RUNGS = ${JSON.stringify(LADDER.map((below) => DICE_NATS - below))}`,
    ...attentionConstants(shape),
    ...expertConstants(shape),
    `DTYPE = "${dtype}"`,
    `SHA256 = "${model.manifest.sha256}"`,
    ...(format === "hf" ? folderConstants(model) : ggufConstants(shape)),
  ];
  const parts = [WEIGHTS, writeAttention(shape, format), writeFeedForward(shape, format)];
  parts.push(format === "hf" ? WRITE_FOLDER : WRITE_GGUF);
  if (adapters) parts.push(writeAdapters(choice));
  return `${headOf(format, adapters)}\n${lines.join("\n")}\n${parts.join("")}`;
}

function headOf(format: ModelFormat, adapters: boolean): string {
  const needs = ["hashlib", "math", "struct", "sys"];
  if (format === "hf") needs.push("json", "os");
  if (adapters) needs.push("base64", "os", "zlib");
  const imports = [...new Set(needs)].sort();
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
`;
