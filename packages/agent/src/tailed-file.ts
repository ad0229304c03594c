import {
  anchorSize,
  type Fingerprint,
  fingerprintOf,
  HEAD_BYTES,
  hasFingerprint,
  headOf,
  isEqual,
  NO_BYTES,
  type Source,
} from "./fingerprint.ts";
import type { BatchMaker, Puts } from "./batch-maker.ts";
import { contentBytesOf } from "./probe.ts";
import { type Completeness, splitRecords, type SplitRules, type SplitState } from "./record-splitter.ts";

/** What is kept of a file: how to know it again, how far it is stored, and what became of its records. */
export interface FileCheckpoint extends SplitState {
  /** Where it was seen last. */
  readonly path: string;
  /** Undefined when the file that had this content is gone. */
  readonly fileId: string | undefined;
  /** Name of the log that it is a part of. */
  readonly family: string;
  readonly head: Fingerprint;
  /** Everything before is stored, or was left out on purpose. */
  readonly positionBytes: number;
  /** Of the bytes before the position. */
  readonly anchor: Fingerprint;
  /** Nothing more is expected: it was rotated away and read to its end. */
  readonly isFinished: boolean;
  readonly storedCount: number;
  readonly storedBytes: number;
  /** Lines that their format does not take. */
  readonly leftOutCount: number;
  /** Records that the service refused for what is in them. */
  readonly refusedCount: number;
  readonly seenMs: number;
}

/** What one read brought. `replaced`: the file no longer holds what was read before. */
export type ReadResult =
  | { readonly kind: "replaced" | "end" }
  | { readonly kind: "records"; readonly puts: Puts; readonly after: Stage };

/** How far the file is known when some bytes are done with. */
interface Stage extends SplitState {
  readonly positionBytes: number;
  readonly anchor: Fingerprint;
}

/** A file that is being read: two positions, what has been read and what is stored. */
export class TailedFile {
  path: string;
  fileId: string | undefined;
  readonly family: string;
  head: Fingerprint;
  isFinished: boolean;
  storedCount: number;
  storedBytes: number;
  leftOutCount: number;
  refusedCount: number;
  seenMs: number;
  source: Source | undefined;
  /** The content does not change any more: it is a copy or an archive. */
  isStatic = false;
  /** When it was seen last that there is something new; monotonic. */
  grewMs: number;
  /** When it was seen that it has gone from its path; monotonic. */
  rotatedMs: number | undefined;
  /** Since when the rest of it is being looked for; monotonic. */
  lostMs: number | undefined;
  /** Since when there is something that was not read, for lines that wait for others; monotonic. */
  unreadSinceMs: number | undefined;
  batchesUnderWay = 0;
  #read: Stage;
  #stored: Stage;
  /** Where the last read found the end; undefined when it did not. */
  #endBytes: number | undefined;

  constructor(checkpoint: FileCheckpoint, nowMs: number) {
    this.path = checkpoint.path;
    this.fileId = checkpoint.fileId;
    this.family = checkpoint.family;
    this.head = checkpoint.head;
    this.isFinished = checkpoint.isFinished;
    this.storedCount = checkpoint.storedCount;
    this.storedBytes = checkpoint.storedBytes;
    this.leftOutCount = checkpoint.leftOutCount;
    this.refusedCount = checkpoint.refusedCount;
    this.seenMs = checkpoint.seenMs;
    this.grewMs = nowMs;
    const { positionBytes, anchor, headerLinesLeft, isDiscarding, isEnded } = checkpoint;
    this.#read = { positionBytes, anchor, headerLinesLeft, isDiscarding, isEnded };
    this.#stored = this.#read;
  }

  get readPositionBytes(): number {
    return this.#read.positionBytes;
  }

  get storedPositionBytes(): number {
    return this.#stored.positionBytes;
  }

  /** Where the end was when it was looked for last; undefined when there was no end in sight. */
  get knownEndBytes(): number | undefined {
    return this.#endBytes;
  }

  /** Whether the open file no longer holds what was read of it. */
  async isReplaced(): Promise<boolean> {
    return this.source !== undefined && (await this.holds(this.source, this.readPositionBytes)) !== "all";
  }

  /** What is there and was not read yet, in bytes; of an archive all counts as there. */
  async unreadBytes(): Promise<number> {
    if (this.source === undefined) return 0;
    return this.isStatic ? Infinity : ((await contentBytesOf(this.source)) ?? 0) - this.readPositionBytes;
  }

  checkpoint(): FileCheckpoint {
    const { path, fileId, family, head, isFinished, storedCount, storedBytes } = this;
    const { leftOutCount, refusedCount, seenMs } = this;
    return {
      ...{ path, fileId, family, head, ...this.#stored },
      // What was read and is not stored may have to be read again, wherever it is by then.
      isFinished: isFinished && this.batchesUnderWay === 0,
      ...{ storedCount, storedBytes, leftOutCount, refusedCount, seenMs },
    };
  }

  /** Begins elsewhere than at the start. */
  restore({ head, positionBytes, anchor, headerLinesLeft, isDiscarding, isEnded }: FileCheckpoint): void {
    this.head = head;
    this.#read = { positionBytes, anchor, headerLinesLeft, isDiscarding, isEnded };
    this.#stored = this.#read;
  }

  /** What is read from here is stored up to this stage. Stages come in order. */
  stored(stage: Stage): void {
    this.#stored = stage;
  }

  /** The source holds what was read so far, as far as it goes; it may break off before. */
  async holds(source: Source, position: number): Promise<"all" | "less" | undefined> {
    if (this.head.sizeBytes === 0) return position === 0 ? "all" : undefined;
    if (!(await hasFingerprint(source, this.head, this.head.sizeBytes))) return undefined;
    const { anchor } = position === this.#stored.positionBytes ? this.#stored : this.#read;
    if (await hasFingerprint(source, anchor, position)) return "all";
    return (await source.read(new Uint8Array(1), position - 1)) === 0 ? "less" : undefined;
  }

  /**
   * Reads what comes next. One read brings the bytes and those before them: when these are what they were, the file
   * was neither cut nor filled with something else in between.
   */
  async read(
    rules: SplitRules,
    completeness: Completeness,
    maker: BatchMaker,
    logKey: string,
  ): Promise<ReadResult> {
    const { source } = this;
    const { positionBytes, anchor, ...state } = this.#read;
    if (source === undefined || state.isEnded) return { kind: "end" };
    const prefixBytes = anchorSize(positionBytes);
    const prefixStart = positionBytes - prefixBytes;
    if (completeness === "going on" && this.#endBytes !== undefined) {
      const isSame = await hasFingerprint(source, anchor, positionBytes);
      if (!isSame) return { kind: "replaced" };
      if ((await source.read(new Uint8Array(1), this.#endBytes)) === 0) return { kind: "end" };
    }
    const memory = maker.memory();
    const count = await source.read(memory, prefixStart);
    const buffer = maker.begin(logKey, memory.subarray(0, count));
    // Of what was not read yet, the first bytes are known.
    const isBegun =
      positionBytes >= HEAD_BYTES ||
      isEqual(headOf(buffer.subarray(0, Math.min(count, this.head.sizeBytes))), this.head);
    if (!isBegun || count < prefixBytes || !isEqual(fingerprintOf(buffer.subarray(0, prefixBytes)), anchor)) {
      return { kind: "replaced" };
    }
    if (prefixBytes === positionBytes && count > this.head.sizeBytes) {
      this.head = headOf(buffer.subarray(0, count));
    }
    this.#endBytes = count < memory.length ? prefixStart + count : undefined;
    const bytes = buffer.subarray(prefixBytes, count);
    const consumed = bytes.length === 0 ? 0 : splitRecords(bytes, state, rules, completeness, maker);
    if (consumed === 0) return { kind: "end" };
    const end = prefixBytes + consumed;
    const position = positionBytes + consumed;
    // From the start of the file when that is near, which the prefix then reaches.
    const after = {
      ...state,
      positionBytes: position,
      anchor: fingerprintOf(buffer.subarray(end - anchorSize(position), end)),
    };
    this.#read = after;
    return { kind: "records", puts: maker.finish(), after };
  }

  async close(): Promise<void> {
    const { source } = this;
    this.source = undefined;
    this.#endBytes = undefined;
    await source?.close();
  }
}

export function newFile(
  details: Pick<FileCheckpoint, "path" | "fileId" | "family" | "headerLinesLeft" | "seenMs">,
): FileCheckpoint {
  return {
    ...details,
    head: NO_BYTES,
    positionBytes: 0,
    anchor: NO_BYTES,
    isDiscarding: false,
    isEnded: false,
    isFinished: false,
    storedCount: 0,
    storedBytes: 0,
    leftOutCount: 0,
    refusedCount: 0,
  };
}
