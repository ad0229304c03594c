/**
 * What a data directory holds, without changing a byte of it: the keyed state, the logs, the segments that
 * count, and everything that is wrong. Recovery begins with it; `data verify`, `data stat` and backups of a
 * stopped server are nothing more.
 */
import type { Files } from "@millrace/runtime";
import { readChanges } from "./changes.ts";
import type { Summary } from "./footer.ts";
import { STATE_LOG_ID } from "./format.ts";
import { KeyedState, type CommittedChange } from "./keyed-state.ts";
import { scanSegment, type Scan, type ScannedBlock } from "./scan.ts";
import { DamagedIndexError, PageCache, type Segment } from "./segment.ts";
import { ShardLogs } from "./shard-logs.ts";
import { listSnapshots, loadSnapshot, type SnapshotHeader } from "./snapshot.ts";

/** Damage that a start does not pass over: what, where, and which entries it may concern. */
export interface Damage {
  readonly path: string;
  readonly detail: string;
  /** Commits that are missing, both ends included, as far as they are known. */
  readonly commits?: readonly [from: number, to: number];
  /** Entries that cannot be read any more, as far as they are known. */
  readonly entries?: MissingEntries;
}

export class DamagedJournalError extends Error {
  override readonly name = "DamagedJournalError";
  readonly damage: readonly Damage[];
  /** Entries known to be missing: `[logId, fromIndex, toIndex)`. */
  readonly holes: readonly MissingEntries[];
  /** The keyed state as far as it could be read, by which logs can be named. */
  readonly state: ReadonlyMap<string, string>;

  constructor(
    damage: readonly Damage[],
    holes: readonly MissingEntries[],
    state: ReadonlyMap<string, string> = new Map(),
  ) {
    const what = [
      ...damage.map(({ path, detail }) => `${path}: ${detail}`),
      ...holes.map(
        (hole) => `entries ${hole.fromIndex} to ${hole.toIndex - 1} of log ${hole.logId} are missing`,
      ),
    ].join("; ");
    super(
      `the journal is damaged below what was acknowledged. ${what}. Nothing was changed. ` +
        `Restore a backup, or accept the loss with "millrace data repair --accept-loss".`,
    );
    this.damage = damage;
    this.holes = holes;
    this.state = state;
  }
}

export interface MissingEntries {
  readonly logId: number;
  readonly fromIndex: number;
  readonly toIndex: number;
}

export interface Candidate {
  readonly segment: Segment;
  summaries: Summary[] | undefined;
  scan: Scan | undefined;
  /** Blocks of an unsealed segment that count. */
  blocks: ScannedBlock[];
}

export interface Survey {
  readonly state: KeyedState;
  readonly logs: ShardLogs;
  readonly snapshot: SnapshotHeader | undefined;
  /** Segments that belong to the journal, by number. */
  readonly live: Candidate[];
  /** Files that the journal gave up, or never took in, and that a crash left behind. */
  readonly leftOver: Segment[];
  readonly damage: readonly Damage[];
  readonly commit: number;
  readonly epoch: number;
  readonly lastServiceMs: number;
  /** Segment numbers below this one may have been used, also by files that are gone. */
  readonly nextSegmentNumber: number;
}

/** Surveys opened segments and the snapshots of a data directory. Logs do not know their runs yet. */
export async function survey(files: Files, root: string, segments: readonly Segment[]): Promise<Survey> {
  const state = new KeyedState();
  const logs = new ShardLogs();
  const damage: Damage[] = [];
  const snapshot = await newestSnapshot(files, root, state, logs, damage);
  const candidates = await readSegments(segments);
  const journal = candidates.filter(({ segment }) => segment.header.kind === "journal");
  supersede(journal);
  damage.push(...findDamage(journal, snapshot));
  const { dropped, added } = await replay(candidates, state, logs, snapshot, damage);
  const { live, leftOver } = sortOut(candidates, dropped, added, snapshot, damage);
  return {
    state,
    logs,
    snapshot,
    live,
    leftOver,
    damage,
    nextSegmentNumber: Math.max(
      snapshot?.nextSegmentNumber ?? 1,
      ...[...dropped, ...added].map((number) => number + 1),
    ),
    commit: Math.max(snapshot?.commit ?? 0, ...journal.map(lastCommitOf)),
    epoch: Math.max(snapshot?.epoch ?? 0, ...candidates.map(({ segment }) => segment.header.epoch)),
    lastServiceMs: Math.max(
      snapshot?.serviceMs ?? 0,
      ...candidates.map(({ segment }) => segment.lastServiceMs),
      ...candidates.map(({ blocks }) => blocks.at(-1)?.header.serviceMs ?? 0),
    ),
  };
}

/** Lets the logs know where their entries lie, for a survey that nothing is going to be done about. */
export function placeRuns({ live, logs }: Survey): MissingEntries[] {
  for (const { segment, summaries, blocks } of live) {
    for (const summary of summaries ?? []) logs.get(summary.logId)?.addSummary(segment, summary);
    for (const row of blocks.flatMap((block) => block.rows)) logs.get(row.logId)?.addRow(segment, row);
  }
  return settleLogs(logs);
}

async function newestSnapshot(
  files: Files,
  root: string,
  state: KeyedState,
  logs: ShardLogs,
  damage: Damage[],
): Promise<SnapshotHeader | undefined> {
  for (const name of (await listSnapshots(files, root)).reverse()) {
    const path = `${root}/state/${name}`;
    const header = await loadSnapshot(files, path, state, logs);
    if (header !== undefined) return header;
    damage.push({ path, detail: "the snapshot of the catalog fails its checksum" });
  }
  return undefined;
}

async function readSegments(segments: readonly Segment[]): Promise<Candidate[]> {
  const candidates: Candidate[] = [];
  for (const segment of segments) {
    const summaries = await segment.loadFooter();
    if (summaries !== undefined) {
      candidates.push({ segment, summaries, scan: undefined, blocks: [] });
    } else if (segment.header.kind === "cold") {
      // A cold file without a footer was never announced: keepLive removes it.
      candidates.push({ segment, summaries: [], scan: undefined, blocks: [] });
    } else {
      const scan = await scanSegment(segment, segment.fileBytes);
      candidates.push({ segment, summaries: undefined, scan, blocks: [...scan.blocks] });
    }
  }
  return candidates;
}

function firstCommitOf({ segment, summaries, blocks }: Candidate): number | undefined {
  return summaries === undefined ? blocks[0]?.header.commit : segment.firstCommit || undefined;
}

export function lastCommitOf({ segment, summaries, blocks }: Candidate): number {
  return summaries === undefined ? (blocks.at(-1)?.header.commit ?? 0) : segment.lastCommit;
}

/** Of two blocks with one commit number only the one written by the later recovery counts. */
function supersede(journal: readonly Candidate[]): void {
  let beyond = Number.POSITIVE_INFINITY;
  for (const candidate of [...journal].reverse()) {
    candidate.blocks = candidate.blocks.filter(({ header }) => header.commit < beyond);
    beyond = firstCommitOf(candidate) ?? beyond;
  }
}

/** Commits that must have been durable and cannot be read. What is merely torn at the end is not among them. */
function findDamage(journal: readonly Candidate[], snapshot: SnapshotHeader | undefined): Damage[] {
  const damage: Damage[] = [];
  const missing = (path: string, from: number, to: number) => {
    const detail = from === to ? `commit ${from} is damaged` : `commits ${from} to ${to} are damaged`;
    damage.push({ path, detail, commits: [from, to] });
  };
  // In front of the snapshot segments are given up in any order, and what is missing there shows in the logs'
  // indexes. Behind it, commit numbers go up one by one.
  const reached = snapshot?.commit ?? 0;
  let last = 0;
  for (const { segment, summaries, blocks } of journal) {
    const ranges =
      summaries === undefined
        ? blocks.map(({ header }) => [header.commit, header.commit] as const)
        : [[segment.firstCommit, segment.lastCommit] as const];
    for (const [from, to] of ranges) {
      if (from === 0) continue;
      const expected = Math.max(last, reached) + 1;
      if (from > expected) missing(segment.path, expected, from - 1);
      last = Math.max(last, to);
    }
  }
  if (journal.length > 0 && last < reached) {
    missing((journal.at(-1) as Candidate).segment.path, last + 1, reached);
  }
  return damage;
}

/** Applies the changes that the snapshot does not hold yet, in order. */
async function replay(
  candidates: readonly Candidate[],
  state: KeyedState,
  logs: ShardLogs,
  snapshot: SnapshotHeader | undefined,
  damage: Damage[],
): Promise<{ dropped: Set<number>; added: Set<number> }> {
  const from = snapshot?.revision ?? 0;
  const changes = new Map<number, CommittedChange>();
  for (const candidate of candidates) {
    for (const change of await changesOf(candidate, from, damage)) changes.set(change.revision, change);
  }
  const dropped = new Set<number>();
  const added = new Set<number>();
  let expected = from + 1;
  for (const change of [...changes.values()].sort((a, b) => a.revision - b.revision)) {
    if (change.revision !== expected) {
      damage.push({
        path: "journal",
        detail: `changes ${expected} to ${change.revision - 1} of the catalog are missing`,
      });
    }
    expected = change.revision + 1;
    state.apply(change);
    logs.apply(change);
    for (const number of change.segmentsDropped ?? []) dropped.add(number);
    for (const number of change.segmentsAdded ?? []) added.add(number);
  }
  return { dropped, added };
}

async function changesOf(candidate: Candidate, from: number, damage: Damage[]): Promise<CommittedChange[]> {
  const { segment, summaries, blocks } = candidate;
  if (summaries === undefined) {
    return blocks.flatMap(({ changes }) => changes).filter(({ revision }) => revision > from);
  }
  if (segment.lastRevision <= from) return [];
  const rows = summaries
    .filter(({ logId }) => logId === STATE_LOG_ID)
    .flatMap(({ rowStart, rowCount }) => Array.from({ length: rowCount }, (_, i) => rowStart + i));
  const changes: CommittedChange[] = [];
  const pages = new PageCache(4);
  try {
    for (const ordinal of rows) {
      const row = await segment.row(ordinal, pages);
      if (row.firstIndex + row.entryCount <= from) continue;
      const rowChanges = await readChanges(segment, row);
      if (rowChanges === undefined) {
        damage.push({
          path: segment.path,
          detail: `changes of the catalog at byte ${row.offset} are damaged`,
        });
        continue;
      }
      changes.push(...rowChanges.filter(({ revision }) => revision > from));
    }
  } catch (error) {
    if (!(error instanceof DamagedIndexError)) throw error;
    damage.push({ path: segment.path, detail: error.message });
  }
  return changes;
}

/** Tells what belongs to the journal from what a crash left behind, and finds what should be there. */
function sortOut(
  candidates: readonly Candidate[],
  dropped: ReadonlySet<number>,
  added: ReadonlySet<number>,
  snapshot: SnapshotHeader | undefined,
  damage: Damage[],
): { live: Candidate[]; leftOver: Segment[] } {
  const known = new Set(snapshot?.segments ?? []);
  const live: Candidate[] = [];
  const leftOver: Segment[] = [];
  for (const candidate of candidates) {
    const { segment } = candidate;
    const unannounced =
      segment.header.kind === "cold" && !known.has(segment.number) && !added.has(segment.number);
    if (dropped.has(segment.number) || unannounced) leftOver.push(segment);
    else live.push(candidate);
  }
  const present = new Set(candidates.map(({ segment }) => segment.number));
  for (const number of new Set([...known, ...added])) {
    if (!present.has(number) && !dropped.has(number)) {
      damage.push({ path: "journal", detail: `segment ${number} is missing` });
    }
  }
  return { live, leftOver };
}

/** Orders each log's runs, and finds what should be between them and is not. */
export function settleLogs(logs: ShardLogs): MissingEntries[] {
  const missing: MissingEntries[] = [];
  for (const log of logs.values()) {
    log.sortRuns();
    log.runs = log.runs.filter((run) => run.endIndex > log.trimIndex);
    let expected = log.trimIndex;
    for (const run of log.runs) {
      if (run.firstIndex > expected) note(log.logId, expected, run.firstIndex);
      expected = Math.max(expected, run.endIndex);
    }
    if (expected < log.nextIndex) note(log.logId, expected, log.nextIndex);
  }
  return missing;

  function note(logId: number, fromIndex: number, toIndex: number): void {
    const log = logs.get(logId);
    const covered = log?.holes.some((hole) => hole.fromIndex <= fromIndex && toIndex <= hole.toIndex);
    if (covered !== true) missing.push({ logId, fromIndex, toIndex });
  }
}
