/** `crosstalk zoo`: hunts for every fault of the lab, and says what was found, how fast, and as what. */

import { writeFileSync } from "node:fs";
import { allProperties } from "../../properties/index.ts";
import { CrosstalkError } from "../errors.ts";
import type { LabOptions } from "../lab/config.ts";
import { LAB_FAULTS, type LabFault } from "../lab/faults/index.ts";
import { LAB_PRESET_NAMES } from "../lab/presets.ts";
import { HUNTERS, type Hunted, type Hunter, hunt } from "../zoo/hunt.ts";
import { type Clean, type Row, zooPage } from "../zoo/page.ts";
import { ordinaryRate } from "../zoo/rate.ts";
import { EXIT } from "./exit.ts";
import { withInterrupt } from "./interrupt.ts";
import { faultsOf } from "./lab-faults.ts";

export interface ZooOptions {
  readonly seeds: number;
  /** Requests of one hunt at most. */
  readonly requests: number;
  /** Requests of clean labs, over all of them. */
  readonly clean: number;
  /** Requests of the ordinary load by which each fault's rate is measured. */
  readonly ordinary: number;
  /** Names, separated by commas. */
  readonly only?: string;
  /** Folder of further faults. */
  readonly faults?: string;
  /** Crosstalk alone, without those that it is compared with. */
  readonly alone?: boolean;
  readonly page?: string;
  readonly json?: boolean;
}

export async function zoo(options: ZooOptions): Promise<number> {
  const faults = await chosen(options);
  return withInterrupt(async (signal) => {
    const rows: Row[] = [];
    const clean: Clean[] = [];
    const save = (): string => {
      const text = zooPage({
        command: commandOf(options),
        seeds: options.seeds,
        budget: options.requests,
        rows,
        clean,
      });
      if (options.page !== undefined) writeFileSync(options.page, text);
      return text;
    };
    for (const fault of faults) {
      for (const topology of fault.topologies) {
        const row = await huntAll(fault, topology, options, signal);
        rows.push(row);
        say(
          `${fault.name} in ${topology}: found ${row.hunts.crosstalk.filter((h) => h.found).length} of ${options.seeds}`,
        );
        save();
      }
    }
    for (const [name, lab] of CLEAN_LABS) {
      if (options.clean === 0) break;
      const ran = await cleanLab(name, lab, Math.ceil(options.clean / CLEAN_LABS.length), signal);
      clean.push(ran);
      say(`clean lab, ${name}: ${ran.alarms} alarms in ${ran.requests} requests`);
    }
    const text = save();
    process.stdout.write(options.json ? `${JSON.stringify({ rows, clean })}\n` : text);
    const missed = rows.some((row) => row.hunts.crosstalk.some((h) => !h.found));
    return missed || clean.some((c) => c.alarms > 0) ? EXIT.finding : EXIT.clean;
  });
}

async function chosen({ faults: folder, only }: ZooOptions): Promise<readonly LabFault[]> {
  const all = folder === undefined ? LAB_FAULTS : [...LAB_FAULTS, ...(await faultsOf(folder))];
  const names = all.map((fault) => fault.name);
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined)
    throw new CrosstalkError("INVALID_OPTION", `two faults are called ${twice}`, "Give each a name of its own.");
  if (only === undefined) return all;
  return only.split(",").map((name) => {
    const fault = all.find((f) => f.name === name);
    if (fault) return fault;
    throw new CrosstalkError("INVALID_OPTION", `the zoo has no fault "${name}"`, `Choose from ${names.join(", ")}.`);
  });
}

async function huntAll(
  fault: LabFault,
  topology: "single" | "pd",
  { alone, ordinary, requests: budget, seeds }: ZooOptions,
  signal: AbortSignal,
): Promise<Row> {
  const hunts = Object.fromEntries(HUNTERS.map((hunter) => [hunter, [] as Hunted[]])) as Record<Hunter, Hunted[]>;
  for (const hunter of alone ? HUNTERS.slice(0, 1) : HUNTERS) {
    for (let seed = 1; seed <= seeds; seed++) {
      signal.throwIfAborted();
      hunts[hunter].push(await hunt(hunter, { fault, topology, seed, budget, laws: allProperties }));
    }
  }
  const rate = ordinary === 0 ? null : await ordinaryRate(fault, topology, ordinary);
  return { fault, topology, hunts, rate };
}

/** Seeds that no fault is hunted with. */
const CLEAN_SEED = 1_000_000;

/** The topologies that faults are hunted in, the shapes of engines, and what is off in all of these. */
const CLEAN_LABS: readonly (readonly [name: string, LabOptions])[] = [
  ["single", {}],
  ["prefill and decode apart", { topology: "pd" }],
  ...LAB_PRESET_NAMES.map((preset) => [`shape of ${preset}`, { preset }] as const),
  ["shape of vllm, adapters", { preset: "vllm", adapters: true }],
  ["shape of vllm, swapped out when preempted", { preset: "vllm", swapBlocks: 64 }],
  ["shape of vllm, three drafts a step", { preset: "vllm", draftTokens: 3 }],
  ["shape of vllm, planned a step ahead", { preset: "vllm", asyncScheduling: true }],
];

async function cleanLab(name: string, lab: LabOptions, budget: number, signal: AbortSignal): Promise<Clean> {
  let requests = 0;
  let alarms = 0;
  for (let seed = CLEAN_SEED; requests < budget; seed++) {
    signal.throwIfAborted();
    const hunted = await hunt("crosstalk", {
      fault: null,
      topology: lab.topology ?? "single",
      lab,
      seed,
      budget: Math.min(2000, budget - requests),
      laws: allProperties,
    });
    requests += hunted.requests;
    if (hunted.found) alarms++;
  }
  return { lab: name, requests, alarms };
}

function commandOf({ alone, clean, faults, only, ordinary, requests, seeds }: ZooOptions): string {
  const parts = [`--seeds ${seeds}`, `--requests ${requests}`, `--ordinary ${ordinary}`, `--clean ${clean}`];
  if (only !== undefined) parts.push(`--only ${only}`);
  if (faults !== undefined) parts.push(`--faults ${faults}`);
  if (alone) parts.push("--alone");
  return `crosstalk zoo ${parts.join(" ")}`;
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
