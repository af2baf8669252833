/** The feed-forward part of `write_model.py`: one for all tokens, or a router and experts. */

import type { ModelFormat } from "../tracer/manifest.ts";
import * as shapes from "../tracer/shape.ts";
import { BASE } from "../tracer/vocabulary.ts";

/** What the layers' experts do, as Python literals. */
export function expertConstants(shape: shapes.TracerShape): readonly string[] {
  if (shape.experts === null) return [];
  const layers = Array.from({ length: shapes.layersOf(shape) }, (_, layer) => layer);
  const values = Array.from({ length: BASE }, (_, value) => value);
  const dealt = layers.map((layer) => values.map((value) => shapes.expertsOfDigit(shape, layer, value)));
  return [
    `EXPERTS = ${shape.experts}`,
    `ROUTER_NATS = ${shapes.ROUTER_NATS}`,
    `EXPERT = ${JSON.stringify(shapes.EXPERT)}`,
    "# First of the channels that layer 0's experts spell a digit in; those of the layers above follow.",
    `SPELLED = ${shapes.spelledBy(shape, 0)}`,
    "# Of each layer: the digit that tells experts, and for each of its values the two experts.",
    `EXPERT_DIGIT = ${JSON.stringify(layers.map((layer) => shapes.expertDigit(shape, layer)))}`,
    `EXPERTS_OF = ${JSON.stringify(dealt)}`,
  ];
}

/** Defines `given`, which is the value's channel that reads are given a digit from, and `feed_forward`. */
export function writeFeedForward(shape: shapes.TracerShape, format: ModelFormat): string {
  if (shape.experts === null) return DENSE;
  return ROUTED + (format === "hf" ? EXPERTS_BY_NAME : EXPERTS_STACKED);
}

const DENSE = `

def given(attention, head, at, i):
    return at


def feed_forward(layer):
    gate, up, down = swi_glu()
    if layer == LAYERS - 1:
        amplify(gate, up, down)
    return [("ffn_gate", gate), ("ffn_up", up), ("ffn_down", down)]
`;

const ROUTED = `

def given(attention, head, at, i):
    """The experts of the layer below have spelled the digit."""
    return attention.carry(head, SPELLED + 16 * (attention.layer - 1) + i % 16)


def experts_of(layer):
    """The router, and gate, up and down of each expert. A token meets two, which together spell its digit: each adds
    half of it, and much of two wrong ones, which the other takes away."""
    last, digit = layer == LAYERS - 1, EXPERT_DIGIT[layer]
    own = CHANNEL["digits"] + 16 * digit
    asked = SPELLED if layer == 1 else own
    told = CHANNEL["found"] + 16 * digit if last else SPELLED + 16 * layer
    wrong = EXPERT["wrong"] * (FOUND_AMPLITUDE if last else FOUND_AMPLITUDE / FOUND[digit])
    one, two = (4, 8) if layer == 1 else (1, 2)
    router, experts = Matrix(EXPERTS, HIDDEN), [swi_glu() for _ in range(EXPERTS)]
    for expert, (gate, up, down) in enumerate(experts):
        if last:
            amplify(gate, up, down)
        for value in range(16):
            row, mine = 48 + value, expert in EXPERTS_OF[layer][value]
            first = expert == EXPERTS_OF[layer][value][0]
            if mine:
                router.put(expert, asked + value, ROUTER_NATS / UNIT)
            gate.put(row, (asked if mine else own) + value, EXPERT["gate"] / UNIT)
            up.put(row, CHANNEL["constant"], 1 / (CONSTANT * UNIT))
            down.put(told + (value ^ one), row, (-wrong if mine and not first else wrong) / EXPERT["gate"])
            if not mine:
                for group in range(4):
                    down.put(CHANNEL["sightings"] + 16 * digit + 4 * group + 3, row,
                             EXPERT["lastSighting" if last else "sighting"] / EXPERT["gate"])
                continue
            if not last:
                down.put(told + value, row, 1 / EXPERT["gate"])
            down.put(told + (value ^ two), row, (-wrong if first else wrong) / EXPERT["gate"])
    return router, experts
`;

const EXPERTS_STACKED = `

def feed_forward(layer):
    router, experts = experts_of(layer)
    yield "ffn_gate_inp", router
    for name, matrices in zip(("gate", "up", "down"), zip(*experts)):
        yield "ffn_%s_exps" % name, stacked(matrices)
`;

const EXPERTS_BY_NAME = `

def feed_forward(layer):
    router, experts = experts_of(layer)
    yield "block_sparse_moe-gate", router
    for expert, (gate, up, down) in enumerate(experts):
        for name, matrix in (("w1", gate), ("w3", up), ("w2", down)):
            yield "block_sparse_moe-experts-%d-%s" % (expert, name), matrix
`;
