import { posix } from "node:path";
import type { Files } from "@millrace/runtime";
import type { FileCheckpoint } from "./tailed-file.ts";

/** What is kept of a flow. */
export interface FlowCheckpoint {
  readonly id: string;
  readonly filePattern: string;
  readonly stream: string;
  /** In the order in which their lines are put. */
  readonly files: readonly FileCheckpoint[];
  /** What kept records from being stored last, and when, in milliseconds since the Unix epoch. */
  readonly lastFailure: { readonly message: string; readonly atMs: number } | undefined;
}

export interface AgentCheckpoint {
  readonly version: 1;
  readonly savedMs: number;
  readonly flows: readonly FlowCheckpoint[];
}

/** The file of checkpoints cannot be read. Going on without it would skip or repeat lines, so nobody does. */
export class CheckpointError extends Error {
  override readonly name = "CheckpointError";
}

const NAME = "checkpoints.json";

/** Replaces the file as a whole: after a crash or a power cut there is the old one or the new one. */
export async function saveCheckpoint(
  files: Files,
  directory: string,
  checkpoint: AgentCheckpoint,
): Promise<void> {
  const path = posix.join(directory, NAME);
  const next = `${path}.next`;
  const bytes = Buffer.from(`${JSON.stringify(checkpoint)}\n`);
  const file = await files.open(next, { create: true, mode: 0o600 });
  try {
    await file.truncate(0);
    for (let written = 0; written < bytes.length;) {
      written += await file.write(bytes.subarray(written), written);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  await files.rename(next, path);
  await files.syncDirectory(directory);
}

/**
 * Undefined when there is none.
 *
 * @throws {CheckpointError} when the file is there and is none of ours.
 */
export async function loadCheckpoint(files: Files, directory: string): Promise<AgentCheckpoint | undefined> {
  const path = posix.join(directory, NAME);
  let text: string;
  try {
    const file = await files.open(path);
    try {
      const bytes = Buffer.alloc(await file.sizeBytes());
      text = bytes.toString("utf8", 0, await file.read(bytes, 0));
    } finally {
      await file.close();
    }
  } catch (failure) {
    if (isMissing(failure)) return undefined;
    throw failure;
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  const version =
    typeof value === "object" && value !== null && "version" in value ? value.version : undefined;
  if (version !== 1) throw new CheckpointError(`${path} holds no checkpoints that this version can read`);
  return value as AgentCheckpoint;
}

export function isMissing(failure: unknown): boolean {
  return (
    failure instanceof Error && "code" in failure && (failure.code === "ENOENT" || failure.code === "ENOTDIR")
  );
}
