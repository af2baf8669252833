/** `crosstalk zoo`: hunts for every fault of the lab, and says what was found, how fast, and as what. */

import { writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { CrosstalkError } from "../errors.ts";
import type { LabFault } from "../lab/faults/index.ts";
import { CLEAN_LABS } from "../zoo/clean.ts";
import { HUNTERS, type Hunter } from "../zoo/hunt.ts";
import { type Clean, type Row, zooPage } from "../zoo/page.ts";
import { EXIT } from "./exit.ts";
import { withInterrupt } from "./interrupt.ts";
import { zooFaults } from "./zoo-faults.ts";
import { NO_FILE, type SavedRow, type ZooFile, zooFile } from "./zoo-file.ts";
import { ZooThreads } from "./zoo-threads.ts";

export interface ZooOptions {
  readonly seeds: number;
  /** Seeds of each simpler tester; default: as many as `seeds`. */
  readonly beside?: number;
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
  /** Hunts at once; default: the machine's processors. */
  readonly jobs?: number;
  readonly page?: string;
  /** File of finished rows, which are not run again. */
  readonly save?: string;
  readonly json?: boolean;
}

/** Pages are the same whatever ends first: rows stand in the order of the faults. */
export async function zoo(options: ZooOptions): Promise<number> {
  const faults = await chosen(options);
  const file = options.save === undefined ? NO_FILE : zooFile(options.save);
  const places = faults.flatMap((fault) => fault.topologies.map((topology) => ({ fault, topology })));
  const labs = options.clean === 0 ? [] : [...CLEAN_LABS.keys()];
  return withInterrupt(async (signal) => {
    const threads = new ZooThreads(options.jobs ?? availableParallelism(), { faults: options.faults });
    const work: Work = { options, file, threads };
    const rows: (Row | null)[] = places.map(() => null);
    const clean: (Clean | null)[] = labs.map(() => null);
    const huntMs: number[] = [];
    const ended = () => ({ rows: rows.filter((row) => row !== null), clean: clean.filter((lab) => lab !== null) });
    const writePage = (): string => {
      const { requests: budget, seeds } = options;
      const text = zooPage({ command: commandOf(options), seeds, beside: besideOf(options), budget, ...ended() });
      if (options.page !== undefined) writeFileSync(options.page, text);
      return text;
    };
    const allRows = places.map(async ({ fault, topology }, i) => {
      const { hunts, rate, huntMs: took } = await huntAll(work, fault, topology);
      rows[i] = { fault, topology, hunts, rate };
      huntMs.push(...took);
      const found = hunts.crosstalk.filter((h) => h.found).length;
      say(`${fault.name} in ${topology}: found ${found} of ${options.seeds} in ${seconds(sum(took))}`);
      writePage();
    });
    const allClean = labs.map(async (lab, i) => {
      const ran = await inCleanLab(work, lab, Math.ceil(options.clean / labs.length));
      clean[i] = ran;
      say(`clean lab, ${lab}: ${ran.alarms} alarms in ${ran.requests} requests`);
    });
    try {
      await Promise.race([Promise.all([...allRows, ...allClean]), aborted(signal)]);
    } catch (error) {
      if (!signal.aborted) throw error;
      say(`crosstalk: stopped by the user${options.save === undefined ? "" : "; given again, the command goes on"}`);
      return EXIT.interrupted;
    } finally {
      await threads.close();
    }
    const text = writePage();
    process.stdout.write(options.json ? `${JSON.stringify(ended())}\n` : text);
    const over = (limit: number) => `${huntMs.filter((ms) => ms > limit).length} over ${seconds(limit)}`;
    say(`of ${huntMs.length} hunts by Crosstalk took ${over(5000)}, ${over(60_000)} of processor time`);
    const missed = ended().rows.some((row) => row.hunts.crosstalk.some((h) => !h.found));
    return missed || ended().clean.some((c) => c.alarms > 0) ? EXIT.finding : EXIT.clean;
  });
}

/** What all parts of a zoo's work have in common. */
interface Work {
  readonly options: ZooOptions;
  readonly file: ZooFile;
  readonly threads: ZooThreads;
}

async function chosen({ faults: folder, only }: ZooOptions): Promise<readonly LabFault[]> {
  const all = await zooFaults(folder);
  if (only === undefined) return [...all.values()];
  return only.split(",").map((name) => {
    const fault = all.get(name);
    if (fault) return fault;
    const names = [...all.keys()].join(", ");
    throw new CrosstalkError("INVALID_OPTION", `the zoo has no fault "${name}"`, `Choose from ${names}.`);
  });
}

async function huntAll(work: Work, { name: fault }: LabFault, topology: "single" | "pd"): Promise<SavedRow> {
  const { file, options, threads } = work;
  const { ordinary, requests: budget, seeds } = options;
  const beside = besideOf(options);
  const of = `${fault} in ${topology}: ${seeds} seeds, ${beside} beside, ${budget} requests, ${ordinary} of ordinary load`;
  const before = file.recall(of).row;
  if (before !== undefined) return before;
  const hunt = async (hunter: Hunter) => {
    const wanted = hunter === "crosstalk" ? seeds : beside;
    const ofSeed = (seed: number) => threads.workOff({ kind: "hunt", hunter, fault, topology, seed, budget });
    if (wanted === 0) return [];
    const first = await ofSeed(1);
    if (first.result.inScenario) return Array.from({ length: wanted }, () => first);
    return [first, ...(await Promise.all(Array.from({ length: wanted - 1 }, (_, i) => ofSeed(i + 2))))];
  };
  const measure = async () =>
    ordinary === 0 ? null : (await threads.workOff({ kind: "rate", fault, topology, requests: ordinary })).result;
  const [hunted, rate] = await Promise.all([
    Promise.all(HUNTERS.map(async (hunter) => [hunter, await hunt(hunter)] as const)),
    measure(),
  ]);
  const by = Object.fromEntries(hunted) as Record<Hunter, Awaited<ReturnType<typeof hunt>>>;
  const row: SavedRow = {
    hunts: Object.fromEntries(hunted.map(([hunter, all]) => [hunter, all.map((h) => h.result)])) as SavedRow["hunts"],
    rate,
    huntMs: [...new Set(by.crosstalk)].map((h) => h.ms),
  };
  file.save({ of, row });
  return row;
}

async function inCleanLab({ file, threads }: Work, lab: string, budget: number): Promise<Clean> {
  const of = `clean lab, ${lab}: ${budget} requests`;
  const before = file.recall(of).clean;
  if (before !== undefined) return before;
  const { result: clean } = await threads.workOff({ kind: "clean", lab, budget });
  file.save({ of, clean });
  return clean;
}

const besideOf = ({ alone, beside, seeds }: ZooOptions): number => (alone ? 0 : (beside ?? seeds));

function commandOf({ alone, beside, clean, faults, only, ordinary, requests, seeds }: ZooOptions): string {
  const parts = [`--seeds ${seeds}`, `--requests ${requests}`, `--ordinary ${ordinary}`, `--clean ${clean}`];
  if (only !== undefined) parts.push(`--only ${only}`);
  if (faults !== undefined) parts.push(`--faults ${faults}`);
  if (alone) parts.push("--alone");
  else if (beside !== undefined) parts.push(`--beside ${beside}`);
  return `crosstalk zoo ${parts.join(" ")}`;
}

/** Rejects when the signal comes. */
const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

const seconds = (ms: number): string => `${Number((ms / 1000).toFixed(1))} s`;

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
