/**
 * The safetensors format: 8 bytes with the header's length, a JSON header, then the tensors' bytes, all little-endian.
 * Source: the format's description in the safetensors project, README.md.
 */

import type { Matrix } from "./matrix.ts";
import { BYTES_OF, encodeNumbers, type NumberFormat } from "./number-format.ts";

const NAMES: Readonly<Record<NumberFormat, string>> = { f32: "F32", bf16: "BF16", f16: "F16" };
/** The header is filled up with spaces, so that the tensors begin at a multiple of this. */
const ALIGNMENT = 8;

/** The whole file, as pieces to be written one after another. A matrix of one row is a vector. */
export function safetensors(tensors: readonly (readonly [string, Matrix])[], format: NumberFormat): Uint8Array[] {
  const header: Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }> = {};
  let offset = 0;
  for (const [name, { rows, columns }] of tensors) {
    const end = offset + rows * columns * BYTES_OF[format];
    const shape = rows === 1 ? [columns] : [rows, columns];
    header[name] = { dtype: NAMES[format], shape, data_offsets: [offset, end] };
    offset = end;
  }
  const json = JSON.stringify(header);
  const text = new TextEncoder().encode(json.padEnd(Math.ceil(json.length / ALIGNMENT) * ALIGNMENT));
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(text.length), true);
  return [length, text, ...tensors.map(([name, { data }]) => encodeNumbers(data, format, name))];
}
