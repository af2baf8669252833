/** The zoo's work in pieces that need nothing of each other. They hold names and numbers alone: any thread can do them. */

import type { Rate } from "../check/finding.ts";
import type { Property } from "../check/property.ts";
import type { LabFault } from "../lab/faults/index.ts";
import { cleanLab } from "./clean.ts";
import { type Hunted, type Hunter, hunt } from "./hunt.ts";
import type { Clean } from "./page.ts";
import { ordinaryRate } from "./rate.ts";

interface OfFault {
  readonly fault: string;
  readonly topology: "single" | "pd";
}

export type Piece =
  | (OfFault & { readonly kind: "hunt"; readonly hunter: Hunter; readonly seed: number; readonly budget: number })
  | (OfFault & { readonly kind: "rate"; readonly requests: number })
  | { readonly kind: "clean"; readonly lab: string; readonly budget: number };

interface Results {
  readonly hunt: Hunted;
  readonly rate: Rate;
  readonly clean: Clean;
}
/** What becomes of a piece. */
export type ResultOf<P extends Piece> = Results[P["kind"]];

export async function workOff(
  piece: Piece,
  faults: ReadonlyMap<string, LabFault>,
  laws: readonly Property[],
): Promise<ResultOf<Piece>> {
  if (piece.kind === "clean") return cleanLab(piece.lab, piece.budget, laws);
  const { topology } = piece;
  const fault = faults.get(piece.fault)!;
  if (piece.kind === "rate") return ordinaryRate(fault, topology, piece.requests);
  return hunt(piece.hunter, { fault, topology, seed: piece.seed, budget: piece.budget, laws });
}

/** For messages. */
export function nameOfPiece(piece: Piece): string {
  if (piece.kind === "clean") return `clean lab, ${piece.lab}`;
  const what = piece.kind === "rate" ? "ordinary load" : `${piece.hunter}, seed ${piece.seed}`;
  return `${piece.fault} in ${piece.topology}, ${what}`;
}
