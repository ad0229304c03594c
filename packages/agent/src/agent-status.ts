import type { Files } from "@millrace/runtime";
import { type FlowCheckpoint, isMissing, loadCheckpoint } from "./checkpoint-store.ts";
import type { FileCheckpoint } from "./tailed-file.ts";

export interface FileStatusLine {
  readonly path: string;
  /** `done`: rotated away and read to its end. `gone`: it is not at its path, and not read to its end. */
  readonly state: "open" | "done" | "gone";
  /** Everything before is stored. */
  readonly positionBytes: number;
  /** Undefined when there is no such file, and of archives. */
  readonly sizeBytes: number | undefined;
  /** Bytes that are not stored yet; undefined when that is not known. */
  readonly lagBytes: number | undefined;
  readonly storedCount: number;
  readonly leftOutCount: number;
  readonly refusedCount: number;
}

export interface FlowStatus {
  readonly filePattern: string;
  readonly stream: string;
  readonly files: readonly FileStatusLine[];
  readonly lastFailure: FlowCheckpoint["lastFailure"];
}

export interface AgentStatus {
  readonly isRunning: boolean;
  /** Milliseconds since the Unix epoch. */
  readonly savedMs: number;
  readonly flows: readonly FlowStatus[];
}

/** What an agent left in its directory, whether it runs or not; undefined when it never ran there. */
export async function readAgentStatus(files: Files, directory: string): Promise<AgentStatus | undefined> {
  const checkpoint = await loadCheckpoint(files, directory);
  if (checkpoint === undefined) return undefined;
  const lock = await files.lock(directory);
  await lock?.release();
  const flows = await Promise.all(checkpoint.flows.map((flow) => flowStatus(flow, files)));
  return { isRunning: lock === undefined, savedMs: checkpoint.savedMs, flows };
}

export async function flowStatus(flow: FlowCheckpoint, files: Files): Promise<FlowStatus> {
  const { filePattern, stream, lastFailure } = flow;
  const lines = await Promise.all(flow.files.map((file) => fileStatus(file, files)));
  return { filePattern, stream, files: lines, lastFailure };
}

async function fileStatus(file: FileCheckpoint, files: Files): Promise<FileStatusLine> {
  const { path, positionBytes, storedCount, leftOutCount, refusedCount } = file;
  const sizeBytes = path.endsWith(".gz") ? undefined : await sizeOf(file, files);
  const isThere = sizeBytes !== undefined || path.endsWith(".gz");
  return {
    path,
    state: file.isFinished ? "done" : isThere ? "open" : "gone",
    positionBytes,
    sizeBytes,
    lagBytes: sizeBytes === undefined ? undefined : Math.max(0, sizeBytes - positionBytes),
    storedCount,
    leftOutCount,
    refusedCount,
  };
}

async function sizeOf({ path, fileId }: FileCheckpoint, files: Files): Promise<number | undefined> {
  try {
    const status = await files.status(path);
    return status.fileId === fileId ? status.sizeBytes : undefined;
  } catch (failure) {
    if (isMissing(failure)) return undefined;
    throw failure;
  }
}
