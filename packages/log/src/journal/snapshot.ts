/**
 * The keyed state and the logs' bounds at a revision, in a file of its own, so that a start does not replay
 * the whole journal and segments can be given up.
 *
 * ```
 * snapshot => magic:8 "MILLSNAP"  format_version:u32  frame*
 * frame    => length:u32  crc32:u32 (of the JSON)  JSON
 * ```
 *
 * The first frame is the header, the last one says how many came before it. A snapshot may hold effects of
 * changes later than its revision: they are replayed over it, and applying a change twice does no harm.
 * It counts from the moment when it has its final name; it is never changed.
 */
import { crc32 } from "node:zlib";
import type { Clock, Files } from "@millrace/runtime";
import {
  isCount,
  isText,
  isTime,
  listOf,
  objectOf,
  optional,
  parseJson,
  tupleOf,
  type Check,
} from "./checked-json.ts";
import { readFully, writeFully } from "./file-io.ts";
import { FORMAT_VERSION, UnknownFormatError } from "./format.ts";
import type { KeyedState } from "./keyed-state.ts";
import type { Hole, ShardLogs } from "./shard-logs.ts";

const MAGIC = Buffer.from("MILLSNAP", "latin1");
const HEADER_BYTES = 12;
/** Keys or logs in one frame: small enough that writing one does not hold up a commit. */
const ITEMS_PER_FRAME = 500;
const FRAME_BYTES_MAX = 256 << 20;
/** Snapshots kept: the newest and the one before. */
const KEPT = 2;

const NAME = /^(\d{15})\.snapshot$/;

export interface SnapshotHeader {
  readonly revision: number;
  readonly commit: number;
  readonly epoch: number;
  readonly nextLogId: number;
  /** Numbers of the segments that made up the journal. */
  readonly segments: readonly number[];
  readonly nextSegmentNumber: number;
  readonly serviceMs: number;
}

interface LogFrame {
  readonly logId: number;
  readonly nextIndex: number;
  readonly trimIndex: number;
  readonly endIndex?: number;
  readonly lastArrivalMs: number;
  readonly holes?: readonly Hole[];
}

type Frame =
  | ({ readonly header: true } & SnapshotHeader)
  | { readonly keys: readonly (readonly [key: string, value: string, revision: number])[] }
  | { readonly logs: readonly LogFrame[] }
  | { readonly end: number };

const isHeader = objectOf({
  header: (value) => value === true,
  revision: isCount,
  commit: isCount,
  epoch: isCount,
  nextLogId: isCount,
  segments: listOf(isCount),
  nextSegmentNumber: isCount,
  serviceMs: isTime,
} satisfies Record<keyof SnapshotHeader | "header", Check>);
const isKeys = objectOf({ keys: listOf(tupleOf(isText, isText, isCount)) });
const isLogs = objectOf({
  logs: listOf(
    objectOf({
      logId: isCount,
      nextIndex: isCount,
      trimIndex: isCount,
      endIndex: optional(isCount),
      lastArrivalMs: isTime,
      holes: optional(
        listOf(objectOf({ fromIndex: isCount, toIndex: isCount } satisfies Record<keyof Hole, Check>)),
      ),
    } satisfies Record<keyof LogFrame, Check>),
  ),
});
const isEnd = objectOf({ end: isCount });

/** Writes a snapshot and makes it the newest, durably; older ones but one are removed. Returns its size. */
export async function writeSnapshot(
  outside: { files: Files; clock: Clock },
  root: string,
  header: SnapshotHeader,
  state: KeyedState,
  logs: ShardLogs,
): Promise<number> {
  const { files, clock } = outside;
  const directory = `${root}/state`;
  const temporary = `${directory}/next.tmp`;
  const file = await files.open(temporary, { write: true, create: true });
  let at = 0;
  let frames = 0;
  const put = async (bytes: Buffer) => {
    await writeFully(file, bytes, at, false);
    at += bytes.length;
  };
  try {
    await file.truncate(0);
    const start = Buffer.alloc(HEADER_BYTES);
    MAGIC.copy(start);
    start.writeUInt32LE(FORMAT_VERSION, 8);
    await put(start);
    const putFrame = async (frame: Frame) => {
      await put(encodeFrame(frame));
      frames += 1;
      await new Promise<void>((resolve) => clock.soon(resolve));
    };
    await putFrame({ header: true, ...header });
    for (const keys of batches(
      state.entries(),
      ([key, { value, revision }]) => [key, value, revision] as const,
    )) {
      await putFrame({ keys });
    }
    for (const logFrames of batches(logs.values(), logFrame)) await putFrame({ logs: logFrames });
    await put(encodeFrame({ end: frames }));
    await file.sync();
  } finally {
    await file.close();
  }
  await files.rename(temporary, `${directory}/${String(header.commit).padStart(15, "0")}.snapshot`);
  await files.syncDirectory(directory);
  const names = (await files.list(directory)).filter((name) => NAME.test(name));
  for (const name of names.slice(0, -KEPT)) await files.unlink(`${directory}/${name}`);
  return at;
}

function logFrame(log: {
  logId: number;
  nextIndex: number;
  trimIndex: number;
  endIndex: number | undefined;
  lastArrivalMs: number;
  holes: Hole[];
}): LogFrame {
  return {
    logId: log.logId,
    nextIndex: log.nextIndex,
    trimIndex: log.trimIndex,
    lastArrivalMs: log.lastArrivalMs,
    ...(log.endIndex === undefined ? {} : { endIndex: log.endIndex }),
    ...(log.holes.length === 0 ? {} : { holes: log.holes }),
  };
}

/** Maps items in groups. The source is read lazily: between groups it may change. */
function* batches<T, U>(source: Iterable<T>, map: (item: T) => U): Generator<U[]> {
  let group: U[] = [];
  for (const item of source) {
    group.push(map(item));
    if (group.length === ITEMS_PER_FRAME) {
      yield group;
      group = [];
    }
  }
  if (group.length > 0) yield group;
}

function encodeFrame(frame: Frame): Buffer {
  const json = Buffer.from(JSON.stringify(frame), "utf8");
  const bytes = Buffer.allocUnsafe(8 + json.length);
  bytes.writeUInt32LE(json.length, 0);
  bytes.writeUInt32LE(crc32(json), 4);
  json.copy(bytes, 8);
  return bytes;
}

/** Names of the snapshots of a data directory, oldest first. */
export async function listSnapshots(files: Files, root: string): Promise<string[]> {
  return (await files.list(`${root}/state`)).filter((name) => NAME.test(name));
}

/**
 * Puts a snapshot back into `state` and `logs`; undefined, with both untouched, when it is damaged.
 *
 * @throws {UnknownFormatError} when it is of another format version.
 */
export async function loadSnapshot(
  files: Files,
  path: string,
  state: KeyedState,
  logs: ShardLogs,
): Promise<SnapshotHeader | undefined> {
  const frames = await readFrames(files, path);
  const first = frames?.[0];
  if (frames === undefined || first === undefined || !("header" in first)) return undefined;
  for (const frame of frames) {
    if ("keys" in frame) {
      for (const [key, value, revision] of frame.keys) state.restore(key, { value, revision });
    } else if ("logs" in frame) {
      for (const saved of frame.logs) {
        const log = logs.open(saved.logId);
        log.nextIndex = saved.nextIndex;
        log.pendingNextIndex = saved.nextIndex;
        log.trimIndex = saved.trimIndex;
        log.lastArrivalMs = saved.lastArrivalMs;
        log.pendingLastArrivalMs = saved.lastArrivalMs;
        log.endIndex = saved.endIndex;
        log.pendingClosed = saved.endIndex !== undefined;
        log.holes = [...(saved.holes ?? [])];
      }
    }
  }
  state.revision = first.revision;
  logs.nextLogId = Math.max(logs.nextLogId, first.nextLogId);
  return first;
}

async function readFrames(files: Files, path: string): Promise<Frame[] | undefined> {
  const file = await files.open(path);
  try {
    const bytes = await readFully(file, 0, await file.sizeBytes());
    if (bytes.length < HEADER_BYTES || !bytes.subarray(0, 8).equals(MAGIC)) return undefined;
    const version = bytes.readUInt32LE(8);
    if (version !== FORMAT_VERSION) {
      throw new UnknownFormatError(
        `${path} has format version ${version}; this build reads version ${FORMAT_VERSION}. Nothing was changed.`,
      );
    }
    const frames: Frame[] = [];
    for (let at = HEADER_BYTES; at + 8 <= bytes.length;) {
      const length = bytes.readUInt32LE(at);
      if (length > FRAME_BYTES_MAX || at + 8 + length > bytes.length) return undefined;
      const json = bytes.subarray(at + 8, at + 8 + length);
      if (crc32(json) !== bytes.readUInt32LE(at + 4)) return undefined;
      const frame = parseFrame(json.toString("utf8"), frames.length === 0);
      if (frame === undefined) return undefined;
      if ("end" in frame) return frame.end === frames.length ? frames : undefined;
      frames.push(frame);
      at += 8 + length;
    }
    return undefined;
  } finally {
    await file.close();
  }
}

/** The header stands first, and nowhere else. Zeros pass for a frame of no bytes with the right checksum. */
function parseFrame(text: string, first: boolean): Frame | undefined {
  const value = parseJson(text);
  const known = first ? isHeader(value) : isKeys(value) || isLogs(value) || isEnd(value);
  return known ? (value as Frame) : undefined;
}
