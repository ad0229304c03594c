export { createServer } from "./create-server.ts";
export type { ServerCore, ServerSurroundings } from "./create-server.ts";
export { startServer } from "./start-server.ts";
export type { Server, StartSurroundings } from "./start-server.ts";
export {
  clusterChecks,
  clusterGateways,
  ClusterRefusedError,
  clusterStreams,
  connectCluster,
} from "./cluster.ts";
export type { ClusterAddress } from "./cluster.ts";
export { ClockBehindError, ClockNotStoredError } from "./service-time.ts";

export { DamagedDataError, damageLines, recordsNamer, recordsText, shardText } from "./damage/damage-text.ts";
export type { DamageFound, LostRecords } from "./damage/damage-text.ts";
// For people who look at a data directory: the catalog's rows belong to the streams.
export { storedStreams } from "@millrace/streams";
export type { StoredShard, StoredStream } from "@millrace/streams";
// What is told at /_millrace/import.
export type {
  BegunImport,
  ImportedSettings,
  ImportedShard,
  NumberPairs,
  NumbersWanted,
  ShardProgress,
  Translation,
} from "@millrace/streams";
export type { BackupDone } from "./routes/backup.ts";

export { checkOptions, isLoopback } from "./options/check-options.ts";
export { flagOf, optionDeclarations, optionNames, variableOf } from "./options/declarations.ts";
export type {
  AllOptions,
  InitialStream,
  LimitOverride,
  OptionDeclaration,
  OptionKind,
  OptionName,
  ProcessOptions,
  ServerOptions,
} from "./options/declarations.ts";
export { defaultMemoryBytes } from "./options/memory.ts";
export type { MachineMemory } from "./options/memory.ts";
export { nearest } from "./options/nearest.ts";
export { OptionError } from "./options/option-error.ts";
export { optionNamed, readOption } from "./options/read-option.ts";
export { parseDurationMs, parseSizeBytes } from "./options/values.ts";

export { FAULT_KINDS, FaultRuleError } from "./faults/fault-rule.ts";
export type { FaultKind, FaultRule } from "./faults/fault-rule.ts";
export type { Fault, Faults } from "./faults/faults.ts";
