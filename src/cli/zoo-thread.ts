/** A thread of `crosstalk zoo`: does one piece of work after the other. An error ends it, and with it the zoo. */

import { parentPort, workerData } from "node:worker_threads";
import { allProperties } from "../../properties/index.ts";
import { type Piece, workOff } from "../zoo/piece.ts";
import { zooFaults } from "./zoo-faults.ts";
import type { ThreadData } from "./zoo-threads.ts";

const faults = await zooFaults((workerData as ThreadData).faults);

parentPort!.on("message", async (piece: Piece) => {
  const begin = spent();
  const result = await workOff(piece, faults, allProperties);
  parentPort!.postMessage({ result, ms: Math.round(spent() - begin) });
});

/** Processor time of this thread, ms: what else the machine does is not in it. Node 22 can tell wall time only. */
function spent(): number {
  const used = process.threadCpuUsage?.();
  return used === undefined ? performance.now() : (used.user + used.system) / 1000;
}
