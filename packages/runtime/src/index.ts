import * as webAssembly from "./webassembly.ts";

export { alignedBytes } from "./aligned-bytes.ts";
export { BufferPart } from "./buffer-part.ts";
export { BytePool, POOLED_BYTES_MIN, sharedBytes } from "./byte-pool.ts";
export type { Clock, ServiceClock, Timer } from "./clock.ts";
export type { DirectoryLock, Files, FileStatus, OpenFile, OpenOptions } from "./files.ts";
export type { LogFields, Logger, LogLevel } from "./logger.ts";
export { copierOf, isShared } from "./copy-bytes.ts";
export { MemoryBudget } from "./memory-budget.ts";
export type { Port, Thread, ThreadStart } from "./port.ts";
export type { Random, Secrets } from "./random.ts";
export type { Enrolled } from "./roster.ts";
export { Roster } from "./roster.ts";
export type { Runtime } from "./runtime.ts";
export { seededRandom } from "./seeded-random.ts";
export type { MovableServiceClock } from "./service-clock.ts";
export { serviceClock } from "./service-clock.ts";
export { webAssembly };

export type { LogFormat } from "./node/node-logger.ts";
export type { NodeRuntimeOptions } from "./node/node-runtime.ts";
export { nodeRuntime } from "./node/node-runtime.ts";
export { startThread, threadStart } from "./node/node-threads.ts";
export { processorLoad } from "./node/processor-load.ts";

export type { DiskFaultChances, DiskOperation, InjectedFault } from "./simulated/disk-faults.ts";
export type { LoggedLine, MemoryLogger } from "./simulated/memory-logger.ts";
export { memoryLogger } from "./simulated/memory-logger.ts";
export { ProcessEnded } from "./simulated/process-ended.ts";
export type { ProcessClock, SimulatedClock } from "./simulated/simulated-clock.ts";
export { simulatedClock } from "./simulated/simulated-clock.ts";
export type { DiskDump, SimulatedDisk, SimulatedDiskOptions } from "./simulated/simulated-disk.ts";
export { inMemoryFiles, simulatedDisk } from "./simulated/simulated-disk.ts";
export { simulatedPorts } from "./simulated/simulated-ports.ts";
export type { SimulatedPortsOptions } from "./simulated/simulated-ports.ts";
export type {
  SimulatedRuntime,
  SimulatedRuntimeOptions,
  SimulatedWorld,
} from "./simulated/simulated-runtime.ts";
export { simulatedRuntime } from "./simulated/simulated-runtime.ts";
