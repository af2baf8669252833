/** What can be wrong with cells: the rows of the table. */

import type { CellPart } from "../../src/tracer/cells.ts";
import type { DonorName } from "./subject.ts";

/** What the damaged cells hold. */
export type Content =
  /** Cells of a donor, of other positions or of the very same ones. */
  | { readonly kind: "donor"; readonly donor: DonorName; readonly samePosition?: true }
  | { readonly kind: "zero" }
  /** Cells of the prompt itself, of other positions. */
  | { readonly kind: "stale" }
  /** The damaged cells themselves in another order. */
  | { readonly kind: "reordered" };

/**
 * Where in the model: `all` layers and heads, one random layer above 0, one KV head of one such layer, the layer
 * 0, a random layer above it but not the last one, or the last one.
 */
export type Scope = "all" | "one-layer" | "one-head" | "first-layer" | "below-last" | "last-layer";

/**
 * When: from before the read on (`lasting`), only while the prompt's last 16 cells were computed (`one-chunk`), or only
 * while the second token of the answer was computed (`one-step`). In the last two all is well again afterwards.
 */
export type When = "lasting" | "one-chunk" | "one-step";

export interface Corruption {
  readonly title: string;
  readonly content: Content;
  readonly cells: 1 | 16;
  readonly part: CellPart;
  readonly scopes: readonly Scope[];
  readonly when: When;
}

export const SCOPE_TITLES: Readonly<Record<Scope, string>> = {
  all: "all layers",
  "one-layer": "one layer",
  "one-head": "one KV head of one layer",
  "first-layer": "layer 0",
  "below-last": "one layer below the last",
  "last-layer": "the last layer",
};

const PARTS: readonly CellPart[] = ["both", "key", "value"];
const PART_TITLES: Readonly<Record<CellPart, string>> = { both: "K and V", key: "K only", value: "V only" };
const SIZES = { 1: "one cell", 16: "a block of 16" } as const;

const corruption = (
  what: string,
  content: Content,
  cells: 1 | 16,
  part: CellPart,
  scopes: readonly Scope[],
  when: When = "lasting",
): Corruption => ({
  title: `${SIZES[cells]} ${what}, ${PART_TITLES[part]}`,
  content,
  cells,
  part,
  scopes,
  when,
});

const foreign: Content = { kind: "donor", donor: "foreign" };
const everywhere: readonly Scope[] = ["all", "one-layer"];

export const CORRUPTIONS: readonly Corruption[] = [
  ...([1, 16] as const).flatMap((cells) =>
    PARTS.map((part) => corruption("foreign", foreign, cells, part, [...everywhere, "one-head"])),
  ),
  ...PARTS.map((part) =>
    corruption("foreign of the same positions", { ...foreign, samePosition: true }, 16, part, ["all"]),
  ),
  ...PARTS.map((part) => corruption("zeroed", { kind: "zero" }, 16, part, everywhere)),
  corruption("stale (own prompt, other positions)", { kind: "stale" }, 16, "value", everywhere),
  corruption("stale (own prompt, other positions)", { kind: "stale" }, 16, "both", everywhere),
  corruption("in another order", { kind: "reordered" }, 16, "both", ["all"]),
  ...([1, 16] as const).map((cells) =>
    corruption(
      "foreign, family differs in one digit group",
      { kind: "donor", donor: "near" },
      cells,
      "both",
      everywhere,
    ),
  ),
  corruption("foreign, of the prompt's own family", { kind: "donor", donor: "same" }, 16, "both", everywhere),
  ...PARTS.map((part) =>
    corruption(
      "of a sibling that parted after the prefix",
      { kind: "donor", donor: "sibling", samePosition: true },
      16,
      part,
      everywhere,
    ),
  ),
  ...PARTS.map((part) =>
    corruption(
      "of the same prompt under an adapter",
      { kind: "donor", donor: "adapter", samePosition: true },
      16,
      part,
      everywhere,
    ),
  ),
  ...PARTS.map((part) => corruption("foreign", foreign, 16, part, ["first-layer"])),
  corruption("foreign, a token of a narrow read", { kind: "donor", donor: "asking" }, 1, "both", ["all"]),
  ...([1, 16] as const).map((cells) =>
    corruption(
      "foreign while one prefill chunk ran",
      foreign,
      cells,
      "both",
      ["all", "below-last", "last-layer"],
      "one-chunk",
    ),
  ),
  corruption("zeroed while one prefill chunk ran", { kind: "zero" }, 16, "both", ["all"], "one-chunk"),
  ...([1, 16] as const).map((cells) =>
    corruption("foreign during one decode step", foreign, cells, "both", everywhere, "one-step"),
  ),
];
