/** What the contract of log engines is tried with. */
import { expect } from "vitest";
import { encodeBatch, readBatch } from "../entry-codec.ts";
import type { EntryPlace } from "../entry-place.ts";
import type { LogEngine, ReadOutcome, ShardLogId } from "../log-engine.ts";

/** An engine to try, with hold of its time. */
export interface EngineUnderTest {
  readonly engine: LogEngine;
  /** Moves service time forward. */
  advance(durationMs: number): void | Promise<void>;
  /** Closes the engine and opens it again on the same medium; absent when there is no medium. */
  reopen?(): Promise<EngineUnderTest>;
}

export type Open = () => Promise<EngineUnderTest>;

export const MANY = { maxBytes: 1e9, maxRecords: 1e9 };

export async function openLog(engine: LogEngine): Promise<ShardLogId> {
  const logId = engine.allocateLogId();
  expect((await engine.state.commit({ opens: [logId] })).kind).toBe("committed");
  return logId;
}

export function put(engine: LogEngine, logId: ShardLogId, text: string): ReturnType<LogEngine["append"]> {
  return engine.append(logId, encodeBatch([{ key: undefined, data: Buffer.from(text) }]));
}

export function putAt(
  engine: LogEngine,
  logId: ShardLogId,
  text: string,
  place: EntryPlace,
): ReturnType<LogEngine["appendAt"]> {
  return engine.appendAt(logId, encodeBatch([{ key: undefined, data: Buffer.from(text) }]), place);
}

export function texts(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `entry ${index}`);
}

export function recordsOf(payload: Uint8Array): { key: Buffer; data: Buffer }[] {
  return readBatch(payload).records.map(({ keyStart, keyEnd, dataStart, dataEnd }) => ({
    key: Buffer.from(payload.subarray(keyStart, keyEnd)),
    data: Buffer.from(payload.subarray(dataStart, dataEnd)),
  }));
}

export function textsOf(outcome: ReadOutcome): string[] {
  expect(outcome.kind).toBe("entries");
  if (outcome.kind !== "entries") return [];
  return outcome.entries.flatMap(({ payload }) => recordsOf(payload).map(({ data }) => data.toString()));
}

export async function readAll(engine: LogEngine, logId: ShardLogId): Promise<string[]> {
  const all: string[] = [];
  let from = engine.describe(logId)!.trimIndex;
  for (;;) {
    const outcome = await engine.read(logId, from, { maxBytes: 1_000, maxRecords: 3 });
    if (outcome.kind !== "entries" || outcome.entries.length === 0) return all;
    all.push(...textsOf(outcome));
    from = outcome.nextIndex;
  }
}
