/**
 * Bugs, one line each, that the histories must find: by the checker of the promise that the bug breaks, and
 * within a few seeds.
 */
import type { CheckerName } from "../broken-promise.ts";
import type { Profile } from "../profile.ts";

export interface Mutation<Histories = Profile> {
  readonly name: string;
  /** What goes wrong with it. */
  readonly bug: string;
  /** From the root of the repository. */
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly find: string;
  readonly replace: string;
  /** The promise whose checker must find it. */
  readonly checker: CheckerName;
  /** A promise that falls with that one; it is up to the seed which of the two is seen to be broken first. */
  readonly orChecker?: CheckerName;
  /** Histories made for it: nothing else goes on in them that could be to blame. */
  readonly profile: Partial<Histories>;
  /** It is found in one of the seeds 1 to this. */
  readonly seedsMax: number;
}

const CALM: Partial<Profile> = { failingDiskShare: 0, fullDiskShare: 0, rot: false, limits: "off" };
/** Always something in flight when the server dies, which it does often. */
const BUSY: Partial<Profile> = { ...CALM, producers: 5, attemptsMany: 4_000, lives: 5, lossShare: 0 };
/** Commits of one large entry each, which power cuts tear. */
const TORN: Partial<Profile> = {
  ...CALM,
  lives: 12,
  powerCutShare: 1,
  durableWrites: true,
  streams: 1,
  producers: 2,
  attemptsMany: 4_000,
  largeRecordShare: 1,
  resharding: false,
  deletion: false,
  retention: false,
};

export const mutations: readonly Mutation[] = [
  {
    name: "acknowledge-before-sync",
    bug: "a commit is acknowledged while its bytes are still in the cache of the system",
    file: "packages/log/src/journal/file-io.ts",
    find: "if (durable && !file.durableWrites) await file.sync();",
    replace: "if (durable && !file.durableWrites) void file.sync();",
    checker: "acknowledged-is-durable",
    // The number of a record that is lost goes to the next one.
    orChecker: "one-total-order",
    profile: { ...BUSY, lives: 2, powerCutShare: 1, durableWrites: false, deletion: false, retention: false },
    seedsMax: 8,
  },
  {
    name: "keep-torn-tail",
    bug: "recovery keeps a block that only partly got onto the disk",
    file: "packages/log/src/journal/scan.ts",
    find: "const entry = readEntry(block, at, block.length);",
    replace: "const entry = readEntry(block, at, block.length, false);",
    checker: "one-total-order",
    profile: TORN,
    seedsMax: 15,
  },
  {
    name: "skip-checksum",
    bug: "records that come from the disk are given out unchecked",
    file: "packages/log/src/journal/reader.ts",
    find: "const chunk = splitChunk(bytes, row, true);",
    replace: "const chunk = splitChunk(bytes, row, false);",
    checker: "one-total-order",
    profile: { ...CALM, rot: true, deletion: false, retention: false },
    seedsMax: 8,
  },
  {
    name: "close-without-fence",
    bug: "the writer takes records for a shard that a commit in front of them closed",
    file: "packages/log/src/journal/writer.ts",
    find: "if (log === undefined || log.pendingClosed) {",
    replace: "if (log === undefined) {",
    checker: "closed-is-closed",
    profile: { ...CALM, resharding: true, deletion: false, retention: false, producers: 4 },
    seedsMax: 8,
  },
  {
    name: "reuse-number-after-crash",
    bug: "after a crash the last number of a shard is given out once more",
    file: "packages/log/src/journal/journal.ts",
    find: "shardLog.pendingNextIndex = shardLog.nextIndex;",
    replace: "shardLog.pendingNextIndex = Math.max(1, shardLog.nextIndex - 1);",
    checker: "one-total-order",
    profile: { ...CALM, deletion: false, retention: false },
    seedsMax: 5,
  },
  {
    name: "drop-segment-before-snapshot",
    bug: "segments are dropped although no snapshot holds the changes of the catalog that they hold",
    file: "packages/log/src/journal/maintenance.ts",
    find: "if (commit === this.#snapshotCommit && this.#snapshotBytes > 0) return;",
    replace: "this.#snapshotCommit = commit; return;",
    checker: "acknowledged-is-durable",
    profile: { ...CALM, deletion: true, retention: true },
    seedsMax: 5,
  },
  {
    name: "forget-trim-point",
    bug: "raising the retention period forgets how far records were past the old one",
    file: "packages/streams/src/operations/increase-stream-retention-period.ts",
    find: "return { header: { ...header, retentionHours: hours, horizonMs }, trims };",
    replace: "return { header: { ...header, retentionHours: hours } };",
    checker: "kept-until-retention-and-gone-after",
    profile: { ...CALM, retention: true, deletion: false, streams: 1, lives: 9 },
    seedsMax: 10,
  },
  {
    name: "answer-while-writing",
    bug: "puts are answered while their block is on its way to the disk, like those of the one before it",
    file: "packages/log/src/journal/writer.ts",
    find: "if (durable !== undefined) this.#publish(durable);",
    replace:
      "if (next?.block.changes.length === 0) for (const settle of next.block.settled.splice(0)) settle();" +
      "if (durable !== undefined) this.#publish(durable);",
    checker: "acknowledged-is-durable",
    orChecker: "one-total-order",
    profile: { ...BUSY, lives: 2, powerCutShare: 1, durableWrites: true, deletion: false, retention: false },
    seedsMax: 12,
  },
  {
    name: "survive-failed-commit",
    bug: "the process goes on, and acknowledges, after a commit could not be written",
    file: "packages/log/src/journal/writer.ts",
    find: "await writeFully(segment.file, bytes, offset, true);",
    replace: "await writeFully(segment.file, bytes, offset, true).catch(() => undefined);",
    checker: "faults-never-lose",
    profile: {
      ...CALM,
      failingDiskShare: 1,
      durableWrites: true,
      deletion: false,
      retention: false,
      producers: 4,
    },
    seedsMax: 12,
  },
  {
    name: "route-past-the-first-shard",
    bug: "a record of the first shard on the ring goes to the one behind it",
    file: "packages/streams/src/catalog/stream.ts",
    find: "if (hashKeys.isAbove(index, this.#openEnds, middle)) low = middle + 1;",
    replace: "if (middle === 0 || hashKeys.isAbove(index, this.#openEnds, middle)) low = middle + 1;",
    checker: "routing",
    profile: CALM,
    seedsMax: 3,
  },
  {
    name: "immortal-iterator",
    bug: "iterators do not expire",
    file: "packages/streams/src/operations/get-records.ts",
    find: "if (nowMs > iterator.expiresMs) throw",
    replace: "if (nowMs < 0) throw",
    checker: "iterators",
    profile: CALM,
    seedsMax: 5,
  },
  {
    name: "share-memory-too-soon",
    bug: "a protocol thread uses the memory of records again while the thread of the service still reads them",
    file: "packages/wire/src/handover/remote-service.ts",
    find: 'const told = await calls.call({ kind: "request", number, request: carried(request, found?.records) });',
    replace:
      'const call = calls.call({ kind: "request", number, request: carried(request, found?.records) }); found?.release(); const told = await call;',
    checker: "one-total-order",
    profile: { ...BUSY, streams: 1, deletion: false, retention: false, protocolThreads: 1 },
    seedsMax: 8,
  },
];
