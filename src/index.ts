/**
 * The library: everything that is pure, and the lab. Laws are in `kv-crosstalk/properties`, real servers in
 * `kv-crosstalk/harness`.
 */

export {
  type CampaignEvent,
  type CampaignOptions,
  type CampaignResult,
  campaign,
  type LawTally,
} from "./campaign.ts";
export { forArm, inSequence } from "./check/arms.ts";
export { addCoverage, type CellCounts, type Coverage, coverage, NO_COVERAGE } from "./check/coverage.ts";
export { explainWitness } from "./check/explain.ts";
export type { Anomaly, AnomalyClass, ArmResult, CellOrigin, Finding, Rate, TraceSize } from "./check/finding.ts";
export { answersOf, judge, judgeRun, type Property, type Run, type RunSet, toRun } from "./check/property.ts";
export { cleanRunsNeeded, rate, upperBoundOfZero } from "./check/statistics.ts";
export { fail, inconclusive, joinStatus, pass, type Status, type Verdict, type Witness } from "./check/verdict.ts";
export { CrosstalkError, type CrosstalkErrorCode } from "./errors.ts";
export { generateTrace, traceArbitrary } from "./generate/generate.ts";
export { limitsOf, type TraceLimits } from "./generate/limits.ts";
export { SCENARIOS, type ScenarioName, scenario } from "./generate/scenarios.ts";
export { formatHistory, type ParsedHistory, parseHistory } from "./history/jsonl.ts";
export { type Outcome, outcomes } from "./history/outcome.ts";
export { formatEvent } from "./history/print.ts";
export {
  ARMS,
  type Arm,
  eventSchema,
  HISTORY_VERSION,
  type History,
  type HistoryEvent,
  type HistoryHeader,
  headerSchema,
} from "./history/schema.ts";
export {
  DEFAULT_INVESTIGATION,
  type Failure,
  type InvestigationLimits,
  type InvestigationStep,
  investigate,
  runOnce,
} from "./investigate.ts";
export type { LabConfig, LabOptions } from "./lab/config.ts";
export { CELLS, defineFault, instead, LAB_FAULTS, type LabFault, labFault } from "./lab/faults/index.ts";
export { type LabTargetOptions, labTarget } from "./lab/target.ts";
export {
  type Candidate,
  createMinimizer,
  type Minimised,
  type Minimizer,
  type MinimizerOptions,
} from "./minimize/minimizer.ts";
export { formatAdvisory, formatIssue } from "./report/issue.ts";
export { reproFolder } from "./report/repro-folder.ts";
export { reproMjs } from "./report/repro-mjs.ts";
export { reproPy } from "./report/repro-py.ts";
export { formatTerminal, type Paint, type PaintStyle, type TerminalOptions } from "./report/terminal.ts";
export { formatTimeline, type TimelineOptions } from "./report/timeline.ts";
export { writeModelPy } from "./report/write-model-py.ts";
export { EngineLostError } from "./target/engine-lost.ts";
export type { Execution, Target, TargetDescription } from "./target/target.ts";
export { formatPrompt, formatStep, printTrace } from "./trace/print.ts";
export { expectedTokens, type ResolvedRequest, resolveRequests, type Span } from "./trace/prompt.ts";
export { formatTrace, parseTrace, validateTrace } from "./trace/read.ts";
export {
  type CancelStep,
  isCancel,
  isSend,
  type Part,
  type Segment,
  type SendStep,
  type Step,
  TRACE_VERSION,
  type Trace,
  traceSchema,
} from "./trace/schema.ts";
export { type CellPart, CellStore, type Plane } from "./tracer/cells.ts";
export { tracerGguf } from "./tracer/gguf.ts";
export { tracerFolder } from "./tracer/hugging-face.ts";
export { type Manifest, type ModelChoice, type ModelFormat, tracerModel } from "./tracer/manifest.ts";
export { NUMBER_FORMATS, type NumberFormat } from "./tracer/number-format.ts";
export { type Answer, computeChunk, Pass } from "./tracer/predict.ts";
export { findRead, narrowRead, type PromptRead, readOf } from "./tracer/read-tokens.ts";
export { DEFAULT_SHAPE, type TracerShape, tracerShape } from "./tracer/shape.ts";
export {
  badToken,
  branchToken,
  digitsOf,
  errToken,
  nonceToken,
  payloadRun,
  payloadToken,
  scanToken,
  type TokenKind,
  tokenKind,
  tokenName,
  VOCABULARY_SIZE,
} from "./tracer/vocabulary.ts";
