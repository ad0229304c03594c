/**
 * From whatever a crash left to a journal that can go on. What was acknowledged is kept, a torn tail is
 * cut, and damage below durable commits is never passed over in silence.
 *
 * The last intact block is the only undecided one: it may be durable or only in the page cache. It is
 * written again, durably, as the first block of a new segment with a higher epoch, before anybody can read
 * it; only then the old segment is sealed in front of it. A crash anywhere in between is harmless: of two
 * blocks with one commit number the one with the higher epoch counts.
 */
import type { Files, Logger } from "@millrace/runtime";
import type { ChunkCache } from "./chunk-cache.ts";
import { isDiskFull, readFully, writeFully } from "./file-io.ts";
import type { Summary } from "./footer.ts";
import { alignUp, BLOCK_HEADER_BYTES, STATE_LOG_ID, writeBlockHeader } from "./format.ts";
import { unreadableEntries } from "./check-segment.ts";
import type { KeyedState } from "./keyed-state.ts";
import type { Segment } from "./segment.ts";
import type { SegmentStore } from "./segment-store.ts";
import type { ShardLogs } from "./shard-logs.ts";
import type { SnapshotHeader } from "./snapshot.ts";
import {
  DamagedJournalError,
  lastCommitOf,
  placeRuns,
  settleLogs,
  survey,
  type Candidate,
  type MissingEntries,
  type Survey,
} from "./survey.ts";

export interface Recovered {
  readonly state: KeyedState;
  readonly logs: ShardLogs;
  /** Sealed segments. */
  readonly segments: Segment[];
  readonly active: Segment;
  readonly epoch: number;
  readonly commit: number;
  readonly lastServiceMs: number;
  readonly snapshot: SnapshotHeader | undefined;
  readonly report: RecoveryReport;
}

export interface RecoveryReport {
  readonly clean: boolean;
  readonly scannedBlocks: number;
  readonly scannedBytes: number;
  readonly cutTornTail: boolean;
  readonly acceptedHoles: readonly MissingEntries[];
}

/** More than the entries of any one block: a block takes 8 MiB and an entry at least 32 bytes. */
const ENTRIES_PER_LOST_COMMIT = 1 << 20;

export interface RecoveryOptions {
  /** Record damaged ranges as holes instead of refusing. */
  readonly acceptLoss: boolean;
}

export async function recover(
  outside: { files: Files; log: Logger },
  root: string,
  store: SegmentStore,
  cache: ChunkCache,
  options: RecoveryOptions,
): Promise<Recovered> {
  // The last life may have named a snapshot without living to make the name durable. Segments are given up
  // by what it holds, so it must not vanish later.
  await outside.files.syncDirectory(`${root}/state`);
  const found = await survey(outside.files, root, await store.openAll());
  const { state, logs, live, snapshot } = found;
  const holes = placeRuns(found);
  if (found.damage.length + holes.length > 0 && !options.acceptLoss) throw await refusal(found, holes);
  // What lies where changes below: the last block moves, and sealing puts rows on disk.
  for (const shardLog of logs.values()) shardLog.runs = [];
  store.skipNumbers(found.nextSegmentNumber);
  await store.removeUnfinished();

  const scanned = live.flatMap(({ blocks }) => blocks);
  const epoch = found.epoch + 1;
  const { active, cutTornTail } = await continueInNewSegment(live, store, epoch, cache, outside.log);
  // Only now is the change durable that may have given them up.
  for (const segment of found.leftOver) await store.retire(segment, false);
  const segments: Segment[] = [];
  for (const candidate of live) {
    const summaries = candidate.summaries ?? (await sealCandidate(candidate, store, snapshot));
    if (summaries === undefined) continue;
    segments.push(candidate.segment);
    for (const summary of summaries) logs.get(summary.logId)?.addSummary(candidate.segment, summary);
  }
  for (const row of active.rows) logs.get(row.logId)?.addRow(active, row);
  settleLogs(logs);
  if (options.acceptLoss) {
    for (const segment of segments) holes.push(...(await unreadableEntries(segment, logs)));
  }
  if (found.damage.some(({ commits }) => commits !== undefined)) holes.push(...unknownTails(logs, holes));
  store.resumeSizes(Math.max(0, ...segments.map(({ fileBytes }) => fileBytes)));
  return {
    state,
    logs,
    segments,
    active,
    epoch,
    commit: found.commit,
    lastServiceMs: found.lastServiceMs,
    snapshot,
    report: {
      clean: scanned.length === 0,
      scannedBlocks: scanned.length,
      scannedBytes: scanned.reduce((sum, block) => sum + block.bytes, 0),
      cutTornTail,
      acceptedHoles: holes,
    },
  };
}

/**
 * A lost commit may have held the newest entries of any open log, and their numbers must never be given
 * out again: beyond each log's known end a range is skipped, and reads of it say that it may be lost.
 */
function unknownTails(logs: ShardLogs, holes: readonly MissingEntries[]): MissingEntries[] {
  const known = new Map(holes.map((hole) => [hole.logId, hole.toIndex]));
  return [...logs.values()]
    .filter(({ endIndex }) => endIndex === undefined)
    .map(({ logId, nextIndex }) => {
      const fromIndex = Math.max(nextIndex, known.get(logId) ?? 0);
      return { logId, fromIndex, toIndex: fromIndex + ENTRIES_PER_LOST_COMMIT };
    });
}

/** Names what is lost, and lets go of the files. */
async function refusal(found: Survey, holes: readonly MissingEntries[]): Promise<DamagedJournalError> {
  for (const { segment } of found.live) await segment.file.close();
  for (const segment of found.leftOver) await segment.file.close();
  return new DamagedJournalError(found.damage, holes, found.state.values());
}

/**
 * Opens a segment for the new epoch and writes the last block of the old one into it, durably. Afterwards
 * that block is no longer counted among the old segment's.
 */
async function continueInNewSegment(
  live: readonly Candidate[],
  store: SegmentStore,
  epoch: number,
  cache: ChunkCache,
  log: Logger,
): Promise<{ active: Segment; cutTornTail: boolean }> {
  const tail = live.filter(
    ({ segment, summaries }) => summaries === undefined && segment.header.kind === "journal",
  );
  const cutTornTail = tail.some(({ scan }) => scan?.tornTail === true);
  const last = tail.findLast(({ blocks }) => blocks.length > 0);
  const block = last?.blocks.at(-1);
  const active = await createOrGiveUpReserve(store, epoch, block?.bytes ?? 0, log);
  if (last === undefined || block === undefined) return { active, cutTornTail };
  // Only the newest block of the whole journal is undecided; one in front of a sealed segment is not.
  const newest = Math.max(
    ...live.filter(({ segment }) => segment.header.kind === "journal").map(lastCommitOf),
  );
  if (block.header.commit < newest) return { active, cutTornTail };
  const bytes = Buffer.alloc(alignUp(BLOCK_HEADER_BYTES + block.header.length));
  (await readFully(last.segment.file, block.offset, BLOCK_HEADER_BYTES + block.header.length)).copy(bytes);
  writeBlockHeader(bytes, 0, { ...block.header, salt: active.header.salt, epoch });
  await writeFully(active.file, bytes, active.endOffset, true);
  const moved = active.endOffset - block.offset;
  for (const row of block.rows) {
    const placed = { ...row, offset: row.offset + moved };
    active.addRow(placed);
    const from = placed.offset - active.endOffset;
    if (row.logId !== STATE_LOG_ID) cache.put(active, placed.offset, bytes.subarray(from, from + row.length));
  }
  active.firstCommit = block.header.commit;
  active.lastCommit = block.header.commit;
  active.lastServiceMs = block.header.serviceMs;
  active.lastRevision = block.changes.at(-1)?.revision ?? 0;
  active.endOffset += bytes.length;
  last.blocks.pop();
  return { active, cutTornTail };
}

/** A segment to go on in, at last from the reserve. */
async function createOrGiveUpReserve(
  store: SegmentStore,
  epoch: number,
  blockBytes: number,
  log: Logger,
): Promise<Segment> {
  try {
    return await store.createFirst(epoch, blockBytes);
  } catch (error) {
    if (!isDiskFull(error)) throw error;
  }
  log.warn("the disk is full: recovery goes on from the reserve");
  await store.giveUpReserve();
  return store.createForRecovery(epoch, blockBytes);
}

/**
 * Seals an old segment behind the blocks that still count. One without any is removed, unless a snapshot
 * counts on it: that one goes like every other, by a change that says so.
 */
async function sealCandidate(
  candidate: Candidate,
  store: SegmentStore,
  snapshot: SnapshotHeader | undefined,
): Promise<Summary[] | undefined> {
  const { segment, blocks } = candidate;
  const last = blocks.at(-1);
  if (last === undefined) {
    if (snapshot?.segments.includes(segment.number) === true) return segment.seal();
    await store.retire(segment, false);
    return undefined;
  }
  for (const block of blocks) {
    for (const row of block.rows) segment.addRow(row);
    segment.lastRevision = block.changes.at(-1)?.revision ?? segment.lastRevision;
    segment.lastServiceMs = Math.max(segment.lastServiceMs, block.header.serviceMs);
  }
  segment.firstCommit = blocks[0]?.header.commit ?? 0;
  segment.lastCommit = last.header.commit;
  segment.endOffset = last.offset + last.bytes;
  return segment.seal();
}
