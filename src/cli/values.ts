/** Readers of option values. */

import { InvalidArgumentError } from "commander";

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** `120s`, `5m`, `500ms`, or a bare number of seconds; gives milliseconds. */
export function duration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text);
  if (!match) throw new InvalidArgumentError("Give a time such as 120s, 5m or 500ms.");
  return Number(match[1]) * UNITS[match[2] ?? "s"]!;
}

const BYTES: Readonly<Record<string, number>> = { B: 1, KB: 1e3, MB: 1e6, GB: 1e9 };

/** `200MB`, `1.5GB`, or a bare number of bytes; gives bytes. */
export function byteCount(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([KMG]?B)?$/i.exec(text);
  if (!match) throw new InvalidArgumentError("Give a size such as 200MB or 1GB.");
  return Math.round(Number(match[1]) * BYTES[(match[2] ?? "B").toUpperCase()]!);
}

export function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError("Give a whole number, 0 or more.");
  return value;
}

export function positiveNumber(text: string): number {
  const value = wholeNumber(text);
  if (value === 0) throw new InvalidArgumentError("Give a whole number, 1 or more.");
  return value;
}

export function gpuCount(text: string): number | "all" {
  return text === "all" ? "all" : positiveNumber(text);
}

/** A factor, such as 0.5 or 20. */
export function factor(text: string): number {
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value))) throw new InvalidArgumentError("Give a number above 0.");
  return value;
}
