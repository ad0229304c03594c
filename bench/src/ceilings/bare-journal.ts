/** The journal alone: no HTTP, no decoding, no catalog; only entries that Millrace stored, stored again. */
import { performance } from "node:perf_hooks";
import type { Journal } from "@millrace/log";
import { openJournal, PayloadBatch } from "@millrace/log";
import { nodeRuntime } from "@millrace/runtime";
import { digestOf } from "../harness/digest.ts";
import { LatencyRecorder } from "../load/latencies.ts";
import type { Latencies } from "../load/plan.ts";

export interface BareJournalPlan {
  /** The data directory of a Millrace that was stopped well. Its entries are read and fed again in order. */
  readonly entriesFrom: string;
  /** An empty directory. */
  readonly directory: string;
  /** How many requests wait for their entries at the same time: what connections are to a server. */
  readonly inFlight: number;
  /** A request's entries, one for each shard that it touches; all are awaited before the next request. */
  readonly entriesPerRequest: number;
  readonly warmUpMs: number;
  readonly durationMs: number;
}

export interface BareJournalResult {
  readonly requests: number;
  readonly records: number;
  readonly elapsedMs: number;
  readonly cpuMs: number;
  /** From the hand-over of a request's entries until all are durable. */
  readonly latencyMs: Latencies;
  /** Of the entries that were fed. */
  readonly digest: string;
}

interface StoredLog {
  readonly logId: number;
  readonly entries: readonly PayloadBatch[];
}

/** Log ids are given out from 1; a stream's shards have the first ones of a fresh directory. */
const LOG_IDS_TRIED = 1_024;
const READ_BYTES_MAX = 64 << 20;

export async function feedBareJournal(plan: BareJournalPlan): Promise<BareJournalResult> {
  const stored = await storedLogs(plan.entriesFrom);
  const journal = await open(plan.directory);
  try {
    const logIds = stored.map(() => journal.allocateLogId());
    const opened = await journal.state.commit({ opens: logIds });
    if (opened.kind !== "committed") throw new Error(`the logs could not be opened: ${opened.kind}`);
    return await feed(journal, logIds, stored, plan);
  } finally {
    await journal.close();
  }
}

function open(directory: string): Promise<Journal> {
  const runtime = nodeRuntime({ logLevel: "error" });
  return openJournal(runtime, { directory, serviceClock: { nowMs: () => runtime.clock.nowMs() } });
}

async function storedLogs(directory: string): Promise<StoredLog[]> {
  const journal = await open(directory);
  const logs: StoredLog[] = [];
  try {
    for (let logId = 0; logId < LOG_IDS_TRIED; logId += 1) {
      const bounds = journal.describe(logId);
      if (bounds === undefined || bounds.nextIndex === bounds.trimIndex) continue;
      const entries: PayloadBatch[] = [];
      for (let index = bounds.trimIndex; index < bounds.nextIndex;) {
        const read = await journal.read(logId, index, { maxBytes: READ_BYTES_MAX, maxRecords: Infinity });
        if (read.kind !== "entries") throw new Error(`log ${logId} cannot be read: ${read.kind}`);
        for (const { payload, recordCount } of read.entries) {
          // The journal may use the memory of what it gave out again once it is closed.
          entries.push(new PayloadBatch(Buffer.from(payload), recordCount));
        }
        index = read.nextIndex;
      }
      logs.push({ logId, entries });
    }
  } finally {
    await journal.close();
  }
  if (logs.length === 0) throw new Error(`${directory} holds no entries`);
  return logs;
}

async function feed(
  journal: Journal,
  logIds: readonly number[],
  stored: readonly StoredLog[],
  { inFlight, entriesPerRequest, warmUpMs, durationMs }: BareJournalPlan,
): Promise<BareJournalResult> {
  const startMs = performance.now() + warmUpMs;
  const endMs = startMs + durationMs;
  const latencies = new LatencyRecorder();
  let requests = 0;
  let records = 0;
  let turn = 0;
  let cpu = process.cpuUsage();
  let isCounting = false;

  const storeRequests = async () => {
    for (;;) {
      const beganMs = performance.now();
      if (beganMs >= endMs) return;
      if (!isCounting && beganMs >= startMs) {
        isCounting = true;
        cpu = process.cpuUsage();
      }
      let recordCount = 0;
      const appends: Promise<{ readonly kind: string }>[] = [];
      for (let entry = 0; entry < entriesPerRequest; entry += 1, turn += 1) {
        const log = turn % stored.length;
        const { entries } = stored[log]!;
        const batch = entries[Math.floor(turn / stored.length) % entries.length]!;
        recordCount += batch.recordCount;
        appends.push(journal.append(logIds[log]!, batch));
      }
      for (const { kind } of await Promise.all(appends)) {
        if (kind !== "appended") throw new Error(`an entry was not stored: ${kind}`);
      }
      const nowMs = performance.now();
      if (beganMs < startMs || nowMs > endMs) continue;
      requests += 1;
      records += recordCount;
      latencies.add(nowMs - beganMs);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, storeRequests));
  const { user, system } = process.cpuUsage(cpu);
  if (requests === 0) throw new Error(`no request was stored within ${durationMs} ms`);
  return {
    requests,
    records,
    elapsedMs: durationMs,
    cpuMs: (user + system) / 1_000,
    latencyMs: latencies.summary(),
    digest: digestOf(...stored.flatMap(({ entries }) => entries.map(({ payload }) => payload))),
  };
}
