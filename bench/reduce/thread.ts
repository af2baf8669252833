/** A thread of the bench: reduces the failing traces of one fault in one topology. */

import { parentPort, workerData } from "node:worker_threads";
import { type Piece, reduceFault } from "./piece.ts";

parentPort!.postMessage(await reduceFault(workerData as Piece));
