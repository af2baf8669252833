/** Labs behind HTTP for tests: stopped when the test ends. */

import { onTestFinished } from "vitest";
import { payloadRun, scanToken } from "../../src/tracer/vocabulary.ts";
import { type LabServer, type LabServerOptions, serveLab } from "../lab-http.ts";

export async function labServer(options: LabServerOptions = {}): Promise<LabServer> {
  const server = await serveLab({ speed: 50, ...options });
  onTestFinished(() => server.close());
  return server;
}

export const payload = (seed: number, family: number, length: number): number[] => [
  ...payloadRun(seed, family, length),
];
export const scan = (seed: number, family: number, length: number): number[] => [
  ...payload(seed, family, length),
  scanToken([family]),
];

export function postJson(url: string, body: unknown, signal?: AbortSignal): Promise<Response> {
  return fetch(url, { method: "POST", body: JSON.stringify(body), ...(signal ? { signal } : {}) });
}

/** The data of a stream's events; `[DONE]` as it stands. */
export const eventsOf = <T>(stream: string): (T | "[DONE]")[] =>
  stream
    .split("\n\n")
    .filter((part) => part !== "")
    .map((part) => part.replace(/^data: /, ""))
    .map((data) => (data === "[DONE]" ? data : (JSON.parse(data) as T)));

/** The series that begin with a prefix, by the rest of their name; labels are left out. */
export async function metricsOf(url: string, prefix: string): Promise<Record<string, number>> {
  const lines = (await (await fetch(`${url}/metrics`)).text()).split("\n").filter((line) => line.startsWith(prefix));
  return Object.fromEntries(
    lines.map((line) => {
      const [, name, value] = /^([^{ ]+)(?:\{.*\})? (.*)$/.exec(line)!;
      return [name!.slice(prefix.length), Number(value)];
    }),
  );
}

/** Asks again until so many requests are under way: the server has seen what was sent before. */
export async function underWay(url: string, prefix: string, series: readonly string[], count: number): Promise<void> {
  for (;;) {
    const values = await metricsOf(url, prefix);
    if (series.reduce((sum, name) => sum + values[name]!, 0) === count) return;
  }
}
