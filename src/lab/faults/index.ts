/** The zoo: every fault by name. A new one is a file in this folder and a line here. */

import { abortFlushesNeighbour } from "./abort-flushes-neighbour.ts";
import { abortShiftsOutputs } from "./abort-shifts-outputs.ts";
import { adapterNotHashed } from "./adapter-not-hashed.ts";
import { cancelDropsNeighbour } from "./cancel-drops-neighbour.ts";
import { countOneBlockOver } from "./count-one-block-over.ts";
import { duplicatesFreedInUse } from "./duplicates-freed-in-use.ts";
import type { LabFault } from "./fault.ts";
import { forkCopiesNeighbour } from "./fork-copies-neighbour.ts";
import { forkNotHeld } from "./fork-not-held.ts";
import { freedOneStepEarly } from "./freed-one-step-early.ts";
import { graphKeepsOldTables } from "./graph-keeps-old-tables.ts";
import { hicacheReadBeforeReady } from "./hicache-read-before-ready.ts";
import { hitNotHeld } from "./hit-not-held.ts";
import { inputTokenStale } from "./input-token-stale.ts";
import { keyOmitsLastToken } from "./key-omits-last-token.ts";
import { keyTruncated } from "./key-truncated.ts";
import { lateChoiceDropped } from "./late-choice-dropped.ts";
import { loadLayerEarly } from "./load-layer-early.ts";
import { loadPartial } from "./load-partial.ts";
import { lockSkipsNode } from "./lock-skips-node.ts";
import { logitsByFixedStride } from "./logits-by-fixed-stride.ts";
import { lostTail } from "./lost-tail.ts";
import { maskRowCopied } from "./mask-row-copied.ts";
import { maskRowLeft } from "./mask-row-left.ts";
import { parentNotHashed } from "./parent-not-hashed.ts";
import { partialBlockPublished } from "./partial-block-published.ts";
import { pdAcknowledgesAnother } from "./pd-acknowledges-another.ts";
import { pdFreeOnAbort } from "./pd-free-on-abort.ts";
import { pdSourceNotHeld } from "./pd-source-not-held.ts";
import { placeholdersFilledInOrder } from "./placeholders-filled-in-order.ts";
import { preemptedForgotten } from "./preempted-forgotten.ts";
import { promptPublishedOnAbort } from "./prompt-published-on-abort.ts";
import { publishedBeforeComputed } from "./published-before-computed.ts";
import { rejectedCountRowLeft } from "./rejected-count-row-left.ts";
import { rewoundBlockInTable } from "./rewound-block-in-table.ts";
import { rowSwapOnRemoval } from "./row-swap-on-removal.ts";
import { saltNotHashed } from "./salt-not-hashed.ts";
import { samplingRowCopied } from "./sampling-row-copied.ts";
import { samplingRowLeft } from "./sampling-row-left.ts";
import { sharedFreedByFirst } from "./shared-freed-by-first.ts";
import { splitLosesLock } from "./split-loses-lock.ts";
import { staleComputedCount } from "./stale-computed-count.ts";
import { storeMissesLastLayer } from "./store-misses-last-layer.ts";
import { storeNotHeld } from "./store-not-held.ts";
import { storeTwoIntoOne } from "./store-two-into-one.ts";
import { swapInBeforeCopied } from "./swap-in-before-copied.ts";
import { tokenAgainAfterPreemption } from "./token-again-after-preemption.ts";
import { tokensBySchedule } from "./tokens-by-schedule.ts";

export type { LabFault } from "./fault.ts";
export { CELLS, defineFault, instead } from "./fault.ts";

export const LAB_FAULTS: readonly LabFault[] = [
  hicacheReadBeforeReady,
  loadLayerEarly,
  loadPartial,
  pdAcknowledgesAnother,
  pdFreeOnAbort,
  pdSourceNotHeld,
  freedOneStepEarly,
  swapInBeforeCopied,
  storeMissesLastLayer,
  storeNotHeld,
  storeTwoIntoOne,
  adapterNotHashed,
  keyOmitsLastToken,
  keyTruncated,
  parentNotHashed,
  saltNotHashed,
  countOneBlockOver,
  duplicatesFreedInUse,
  hitNotHeld,
  lockSkipsNode,
  publishedBeforeComputed,
  sharedFreedByFirst,
  splitLosesLock,
  forkNotHeld,
  forkCopiesNeighbour,
  staleComputedCount,
  partialBlockPublished,
  promptPublishedOnAbort,
  abortFlushesNeighbour,
  inputTokenStale,
  placeholdersFilledInOrder,
  lostTail,
  maskRowCopied,
  maskRowLeft,
  rowSwapOnRemoval,
  samplingRowCopied,
  samplingRowLeft,
  tokensBySchedule,
  abortShiftsOutputs,
  lateChoiceDropped,
  logitsByFixedStride,
  tokenAgainAfterPreemption,
  rejectedCountRowLeft,
  rewoundBlockInTable,
  graphKeepsOldTables,
  cancelDropsNeighbour,
  preemptedForgotten,
];

/** The fault of a name; undefined for none. */
export const labFault = (name: string): LabFault | undefined => LAB_FAULTS.find((fault) => fault.name === name);
