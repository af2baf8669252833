/** The zoo: every fault by name. A new one is a file in this folder and a line here. */

import { abortEndsNamesake } from "./abort-ends-namesake.ts";
import { abortFlushesNeighbour } from "./abort-flushes-neighbour.ts";
import { abortShiftsOutputs } from "./abort-shifts-outputs.ts";
import { adapterNotHashed } from "./adapter-not-hashed.ts";
import { cancelDropsNeighbour } from "./cancel-drops-neighbour.ts";
import { cancelledTurnCounted } from "./cancelled-turn-counted.ts";
import { closedSessionResumed } from "./closed-session-resumed.ts";
import { countOneBlockOver } from "./count-one-block-over.ts";
import { duplicatesFreedInUse } from "./duplicates-freed-in-use.ts";
import type { LabFault } from "./fault.ts";
import { forkCopiesNeighbour } from "./fork-copies-neighbour.ts";
import { forkNotHeld } from "./fork-not-held.ts";
import { freedOneStepEarly } from "./freed-one-step-early.ts";
import { grammarBySchedule } from "./grammar-by-schedule.ts";
import { grammarOneStepLate } from "./grammar-one-step-late.ts";
import { grammarResetByPreemption } from "./grammar-reset-by-preemption.ts";
import { grammarRolledBackTooFar } from "./grammar-rolled-back-too-far.ts";
import { grammarRowLeft } from "./grammar-row-left.ts";
import { grammarStateShared } from "./grammar-state-shared.ts";
import { graphKeepsOldTables } from "./graph-keeps-old-tables.ts";
import { hicacheReadBeforeReady } from "./hicache-read-before-ready.ts";
import { hitNotHeld } from "./hit-not-held.ts";
import { hostKeyOmitsSalt } from "./host-key-omits-salt.ts";
import { hostPlaceGivenAway } from "./host-place-given-away.ts";
import { inputTokenStale } from "./input-token-stale.ts";
import { keyOmitsLastToken } from "./key-omits-last-token.ts";
import { keyTruncated } from "./key-truncated.ts";
import { lateChoiceDropped } from "./late-choice-dropped.ts";
import { leaseEndUnnoticed } from "./lease-end-unnoticed.ts";
import { leaseNotRenewed } from "./lease-not-renewed.ts";
import { loadLayerEarly } from "./load-layer-early.ts";
import { loadPartial } from "./load-partial.ts";
import { loadSourceNotHeld } from "./load-source-not-held.ts";
import { lockSkipsNode } from "./lock-skips-node.ts";
import { logitsByFixedStride } from "./logits-by-fixed-stride.ts";
import { lostTail } from "./lost-tail.ts";
import { maskRowCopied } from "./mask-row-copied.ts";
import { maskRowLeft } from "./mask-row-left.ts";
import { moveMissesPrefixCache } from "./move-misses-prefix-cache.ts";
import { movedBlockCountedOnce } from "./moved-block-counted-once.ts";
import { movedBlockInRow } from "./moved-block-in-row.ts";
import { movedOverCached } from "./moved-over-cached.ts";
import { movedWhileSent } from "./moved-while-sent.ts";
import { movesMergedIntoRun } from "./moves-merged-into-run.ts";
import { namesakeEndsLease } from "./namesake-ends-lease.ts";
import { namesakesShareOutputs } from "./namesakes-share-outputs.ts";
import { outputKeptUnderId } from "./output-kept-under-id.ts";
import { parentNotHashed } from "./parent-not-hashed.ts";
import { partialBlockPublished } from "./partial-block-published.ts";
import { pdAcknowledgesAnother } from "./pd-acknowledges-another.ts";
import { pdFreeOnAbort } from "./pd-free-on-abort.ts";
import { pdSourceNotHeld } from "./pd-source-not-held.ts";
import { placeholdersFilledInOrder } from "./placeholders-filled-in-order.ts";
import { pooledBeforeCopied } from "./pooled-before-copied.ts";
import { pooledByStepPlace } from "./pooled-by-step-place.ts";
import { pooledWithNeighbour } from "./pooled-with-neighbour.ts";
import { preemptedForgotten } from "./preempted-forgotten.ts";
import { promptPublishedOnAbort } from "./prompt-published-on-abort.ts";
import { publishedBeforeComputed } from "./published-before-computed.ts";
import { pulledBlocksFreedOnAbort } from "./pulled-blocks-freed-on-abort.ts";
import { purgeTakesChosenSlot } from "./purge-takes-chosen-slot.ts";
import { refusedReadTakenForDone } from "./refused-read-taken-for-done.ts";
import { rejectedCountRowLeft } from "./rejected-count-row-left.ts";
import { rewoundBlockInTable } from "./rewound-block-in-table.ts";
import { rewoundKeysKept } from "./rewound-keys-kept.ts";
import { rowSwapOnRemoval } from "./row-swap-on-removal.ts";
import { saltNotHashed } from "./salt-not-hashed.ts";
import { samplingRowCopied } from "./sampling-row-copied.ts";
import { samplingRowLeft } from "./sampling-row-left.ts";
import { savedPromptOverwritten } from "./saved-prompt-overwritten.ts";
import { sharedFreedByFirst } from "./shared-freed-by-first.ts";
import { similarityAsPrefix } from "./similarity-as-prefix.ts";
import { slotKeepsAdapter } from "./slot-keeps-adapter.ts";
import { slotNotCleared } from "./slot-not-cleared.ts";
import { splitLosesLock } from "./split-loses-lock.ts";
import { staleComputedCount } from "./stale-computed-count.ts";
import { storeBeforeLoaded } from "./store-before-loaded.ts";
import { storeFoundEarly } from "./store-found-early.ts";
import { storeMissesLastLayer } from "./store-misses-last-layer.ts";
import { storeNotHeld } from "./store-not-held.ts";
import { storeTwoIntoOne } from "./store-two-into-one.ts";
import { swapInBeforeCopied } from "./swap-in-before-copied.ts";
import { tokenAgainAfterPreemption } from "./token-again-after-preemption.ts";
import { tokensBySchedule } from "./tokens-by-schedule.ts";
import { windowFreedPublished } from "./window-freed-published.ts";
import { windowFreedTooEarly } from "./window-freed-too-early.ts";
import { windowHitNotWhole } from "./window-hit-not-whole.ts";
import { windowHitShorter } from "./window-hit-shorter.ts";

export type { LabFault } from "./fault.ts";
export { CELLS, defineFault, instead } from "./fault.ts";

export const LAB_FAULTS: readonly LabFault[] = [
  hicacheReadBeforeReady,
  loadLayerEarly,
  loadPartial,
  loadSourceNotHeld,
  pdAcknowledgesAnother,
  pdFreeOnAbort,
  pdSourceNotHeld,
  pulledBlocksFreedOnAbort,
  leaseNotRenewed,
  leaseEndUnnoticed,
  namesakeEndsLease,
  refusedReadTakenForDone,
  freedOneStepEarly,
  closedSessionResumed,
  swapInBeforeCopied,
  storeBeforeLoaded,
  storeFoundEarly,
  storeMissesLastLayer,
  storeNotHeld,
  storeTwoIntoOne,
  hostPlaceGivenAway,
  savedPromptOverwritten,
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
  rewoundKeysKept,
  partialBlockPublished,
  promptPublishedOnAbort,
  cancelledTurnCounted,
  pooledWithNeighbour,
  abortFlushesNeighbour,
  grammarBySchedule,
  grammarOneStepLate,
  grammarResetByPreemption,
  grammarRowLeft,
  grammarStateShared,
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
  abortEndsNamesake,
  namesakesShareOutputs,
  outputKeptUnderId,
  logitsByFixedStride,
  pooledByStepPlace,
  tokenAgainAfterPreemption,
  grammarRolledBackTooFar,
  rejectedCountRowLeft,
  rewoundBlockInTable,
  windowFreedPublished,
  windowFreedTooEarly,
  windowHitNotWhole,
  windowHitShorter,
  slotNotCleared,
  similarityAsPrefix,
  slotKeepsAdapter,
  purgeTakesChosenSlot,
  moveMissesPrefixCache,
  movedBlockCountedOnce,
  movedBlockInRow,
  movedOverCached,
  movedWhileSent,
  movesMergedIntoRun,
  graphKeepsOldTables,
  pooledBeforeCopied,
  cancelDropsNeighbour,
  preemptedForgotten,
  hostKeyOmitsSalt,
];

/** The fault of a name; undefined for none. */
export const labFault = (name: string): LabFault | undefined => LAB_FAULTS.find((fault) => fault.name === name);
