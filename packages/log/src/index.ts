export {
  BASE64,
  BatchCursor,
  BatchFormatError,
  batchOfRanges,
  encodeBatch,
  encodeImportedBatch,
  encodeRenumberedBatch,
  IMPORTED_NUMBER_LIMIT,
  PayloadBatch,
  RAW,
  rawBatchBytes,
  readBatch,
  RECORDS_PER_ENTRY_MAX,
  SOURCE_NUMBER_LIMIT,
} from "./entry-codec.ts";
export { breakRun, isMisplaced } from "./entry-place.ts";
export type { EntryPlace, EntryRun } from "./entry-place.ts";
export type { BatchEncoding, EncodedBatch, RecordRange, RecordToStore } from "./entry-codec.ts";
export type {
  AppendOutcome,
  CommitOutcome,
  EngineStatistics,
  LogEngine,
  PlacedOutcome,
  ReadLimits,
  ReadOutcome,
  ShardLogBounds,
  ShardLogId,
  StateChange,
  StateStore,
  StateValue,
  StoredEntry,
} from "./log-engine.ts";
export type { PeerId, Peers } from "./peers.ts";
export { LogListeners } from "./log-listeners.ts";
export { memoryEngine } from "./memory-engine.ts";
export type { MemoryEngineOptions } from "./memory-engine.ts";
export { DirectoryInUseError, openJournal } from "./journal/journal.ts";
export type { Journal, JournalOptions } from "./journal/journal.ts";
export { UnknownFormatError } from "./journal/format.ts";
export { DamagedJournalError } from "./journal/survey.ts";
export type { Damage, MissingEntries } from "./journal/survey.ts";
export type { RecoveryReport } from "./journal/recovery.ts";
export { BackupError, restoreBackup } from "./journal/backup.ts";
export type { BackupManifest, Progress } from "./journal/backup.ts";
export { inspectDirectory } from "./journal/inspect.ts";
export type { InspectedFile, InspectedLog, Inspection, InspectOptions } from "./journal/inspect.ts";
