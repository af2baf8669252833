/** Real engines: profiles, servers, the timed executor, and targets made of them. */

export { leaveSignalsToProgram, stopAll, stopAtExit } from "./cleanup.ts";
export { splitCommand } from "./command-line.ts";
export { ContainerServer, type ContainerServerOptions } from "./container-server.ts";
export { CONTAINER_LABEL, countContainers, type DockerState, dockerState, hasImage } from "./docker.ts";
export { ENGINES, engineProfile } from "./engines/index.ts";
export { llamaCpp } from "./engines/llama-cpp.ts";
export type {
  Capability,
  EngineFacts,
  EngineImage,
  EngineProfile,
  Knob,
  PlantedFault,
  StreamEvent,
} from "./engines/profile.ts";
export { sglang } from "./engines/sglang.ts";
export { vllm } from "./engines/vllm.ts";
export { type RunOptions, type RunResult, runTrace } from "./executor.ts";
export type { FaultInjector } from "./faults.ts";
export { ProcessServer, type ProcessServerOptions } from "./process-server.ts";
export type { Server, ServerExit } from "./server.ts";
export { ServerTarget, type ServerTargetOptions } from "./server-target.ts";
export {
  type ContainerTargetOptions,
  containerTarget,
  FAULT_VARIABLE,
  type ProcessTargetOptions,
  processTarget,
  type TracerModelFile,
  type UrlTargetOptions,
  urlTarget,
} from "./targets.ts";
export { UrlServer, type UrlServerOptions } from "./url-server.ts";
