/**
 * Looks at a data directory that no server is using: `data verify` and `data stat`. Nothing is changed.
 */
import type { Runtime } from "@millrace/runtime";
import { DirectoryInUseError } from "./journal.ts";
import { checkSealed } from "./check-segment.ts";
import type { Segment } from "./segment.ts";
import { RightOfWay } from "./right-of-way.ts";
import { SegmentStore } from "./segment-store.ts";
import type { ShardLogs } from "./shard-logs.ts";
import { placeRuns, survey, type Candidate, type Damage, type MissingEntries } from "./survey.ts";

export interface Inspection {
  readonly directory: string;
  readonly commit: number;
  readonly epoch: number;
  readonly revision: number;
  /** True when the last server stopped cleanly: a start will scan nothing. */
  readonly clean: boolean;
  readonly files: readonly InspectedFile[];
  readonly logs: readonly InspectedLog[];
  /** The keyed state, by which streams and shards are named. */
  readonly state: ReadonlyMap<string, string>;
  /** What would keep a server from starting, or a read from being answered. */
  readonly damage: readonly Damage[];
  readonly missing: readonly MissingEntries[];
}

export interface InspectedFile {
  readonly path: string;
  readonly kind: "journal" | "cold";
  readonly state: "sealed" | "unsealed" | "left over";
  readonly bytes: number;
  readonly commits: readonly [first: number, last: number];
  readonly records: number;
}

export interface InspectedLog {
  readonly logId: number;
  readonly trimIndex: number;
  readonly nextIndex: number;
  readonly closed: boolean;
  readonly bytes: number;
  readonly lastArrivalMs: number;
  readonly oldestArrivalMs: number | undefined;
}

export interface InspectOptions {
  readonly directory: string;
  /** Read and check every byte, not only what a start would read. */
  readonly everyByte: boolean;
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
}

/** @throws {DirectoryInUseError} while a server runs on the directory: take a backup and look at that. */
export async function inspectDirectory(runtime: Runtime, options: InspectOptions): Promise<Inspection> {
  const { files } = runtime;
  const { directory } = options;
  // Without this a mistyped path would be created by taking the lock.
  await files.list(`${directory}/journal`);
  const lock = await files.lock(directory);
  if (lock === undefined) throw new DirectoryInUseError(directory);
  try {
    const store = new SegmentStore(
      directory,
      runtime,
      {
        firstSegmentBytes: 1,
        initialSegmentBytes: 1,
        maxSegmentBytes: 1,
      },
      new RightOfWay(),
    );
    const segments = await store.openAll();
    try {
      const found = await survey(files, directory, segments);
      const damage = [...found.damage];
      if (options.everyByte) damage.push(...(await checkEveryByte(found.live, found.logs, options)));
      const missing = placeRuns(found);
      return {
        directory,
        commit: found.commit,
        epoch: found.epoch,
        revision: found.state.revision,
        clean: found.live.every(({ summaries, blocks }) => summaries !== undefined || blocks.length === 0),
        files: [
          ...found.live.map(describe),
          ...found.leftOver.map((segment) => describeSegment(segment, "left over", 0)),
        ],
        logs: [...found.logs.values()].map((log) => ({
          logId: log.logId,
          trimIndex: log.trimIndex,
          nextIndex: log.nextIndex,
          closed: log.endIndex !== undefined,
          bytes: log.runs.reduce((sum, run) => sum + run.bytes, 0),
          lastArrivalMs: log.lastArrivalMs,
          oldestArrivalMs: log.runs[0]?.firstArrivalMs,
        })),
        state: found.state.values(),
        damage,
        missing,
      };
    } finally {
      for (const segment of segments) await segment.file.close();
    }
  } finally {
    await lock.release();
  }
}

function describe({ segment, summaries, blocks }: Candidate): InspectedFile {
  const records =
    summaries?.reduce((sum, summary) => sum + summary.recordCount, 0) ??
    blocks.flatMap(({ rows }) => rows).reduce((sum, row) => sum + row.recordCount, 0);
  if (summaries !== undefined) return describeSegment(segment, "sealed", records);
  const commits = blocks.map(({ header }) => header.commit);
  return {
    ...describeSegment(segment, "unsealed", records),
    commits: [commits[0] ?? 0, commits.at(-1) ?? 0],
  };
}

function describeSegment(segment: Segment, state: InspectedFile["state"], records: number): InspectedFile {
  return {
    path: segment.path,
    kind: segment.header.kind,
    state,
    bytes: segment.fileBytes,
    commits: [segment.firstCommit, segment.lastCommit],
    records,
  };
}

/** Blocks, index pages and chunks of sealed segments; the unsealed ones were scanned already. */
async function checkEveryByte(
  live: readonly Candidate[],
  logs: ShardLogs,
  options: InspectOptions,
): Promise<Damage[]> {
  const damage: Damage[] = [];
  const totalBytes = live.reduce((sum, { segment }) => sum + segment.fileBytes, 0);
  let doneBytes = 0;
  for (const { segment, summaries } of live) {
    if (summaries !== undefined) damage.push(...(await checkSealed(segment, logs)));
    doneBytes += segment.fileBytes;
    options.onProgress?.(doneBytes, totalBytes);
  }
  return damage;
}
