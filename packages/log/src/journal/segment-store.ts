/**
 * The files of the journal directory: creating, preparing ahead, recycling and removing segments, and the
 * reserve that keeps recovery and retention going when the disk is full.
 *
 * ```
 * FORMAT                             text, names the format version
 * journal/000000000017-e000003.segment   number and epoch; numbers are never used again
 * journal/spare-….tmp                being prepared; removed at start
 * state/000000000123.snapshot        keyed state at a commit
 * reserve                            zeros, given up when the disk is full
 * ```
 */
import { alignedBytes, type Clock, type Files, type Secrets } from "@millrace/runtime";
import { isDiskFull, readFully, writeFully } from "./file-io.ts";
import { alignUp, decodeSegmentHeader, encodeSegmentHeader, SEGMENT_HEADER_BYTES } from "./format.ts";
import type { RightOfWay } from "./right-of-way.ts";
import { Segment } from "./segment.ts";

export interface SegmentStoreOptions {
  /** Room in the segment that a start waits for, beside the block that recovery moves into it. Bytes. */
  readonly firstSegmentBytes: number;
  /** The smallest size of other segments, which takes every entry. The second one has twice as much, and so on. Bytes. */
  readonly initialSegmentBytes: number;
  readonly maxSegmentBytes: number;
}

/** Written ahead of use in pieces, each durable before the next: a commit waits behind no more than one of them. */
const FILL_PIECE_BYTES_MIN = 1 << 20;
/** For a filling that lags behind, or that commits wait for. */
const FILL_PIECE_BYTES_MAX = 8 << 20;
/** Pieces as large as this share of the lag. */
const FILL_LAG_SHARE = 1 / 4;
/** While commits go on, a segment is filled by the time that the one in use is full to this share. */
const FILLED_AT_SHARE = 0.7;
/** What recovery on a full disk leaves for state changes: each start takes this much, and the next gives it back. */
const RECOVERY_SEGMENT_BYTES = 512 << 10;
/** Spare files kept of those that were given back. */
const SPARES_MAX = 2;

const SEGMENT_NAME = /^(\d{12})-e(\d{6})\.segment$/;

export class SegmentStore {
  readonly directory: string;
  readonly #root: string;
  readonly #files: Files;
  readonly #clock: Clock;
  readonly #secrets: Secrets;
  readonly #options: SegmentStoreOptions;
  readonly #rightOfWay: RightOfWay;
  readonly #spares: { path: string; bytes: number }[] = [];
  #nextNumber = 1;
  #nextBytes: number;
  /** Of the segment before the next one. */
  #bytesInUse: number;
  #reserveHeld = false;
  #zeroBytes = Buffer.alloc(0);

  constructor(
    root: string,
    outside: { files: Files; clock: Clock; secrets: Secrets },
    options: SegmentStoreOptions,
    rightOfWay: RightOfWay,
  ) {
    this.#root = root;
    this.directory = `${root}/journal`;
    this.#files = outside.files;
    this.#clock = outside.clock;
    this.#secrets = outside.secrets;
    this.#options = options;
    this.#rightOfWay = rightOfWay;
    this.#nextBytes = options.initialSegmentBytes;
    this.#bytesInUse = options.firstSegmentBytes;
  }

  /** Removes files that were never finished. */
  async removeUnfinished(): Promise<void> {
    for (const name of await this.#files.list(this.directory)) {
      if (name.endsWith(".tmp")) await this.#files.unlink(`${this.directory}/${name}`);
    }
  }

  /** Opens every segment that is there, in order of number. */
  async openAll(): Promise<Segment[]> {
    const segments: Segment[] = [];
    for (const name of await this.#files.list(this.directory)) {
      const path = `${this.directory}/${name}`;
      const match = SEGMENT_NAME.exec(name);
      if (match === null) continue;
      this.#nextNumber = Math.max(this.#nextNumber, Number(match[1]) + 1);
      const file = await this.#files.open(path, { write: true, durableWrites: true });
      const header = decodeSegmentHeader(await readFully(file, 0, SEGMENT_HEADER_BYTES), path);
      if (header === undefined || header.segmentNumber !== Number(match[1])) {
        // A header is durable before the first block behind it is written, and before the file has this
        // name; so this one was damaged later.
        await file.close();
        throw new DamagedSegmentError(path, "its header fails its checksum");
      }
      segments.push(new Segment(path, header, file, await file.sizeBytes()));
    }
    return segments;
  }

  /** A fresh segment whose header is durable under its final name, filled with zeros (or old blocks). */
  async create(kind: "journal" | "cold", epoch: number, sizeBytes?: number): Promise<Segment> {
    const number = this.#nextNumber;
    this.#nextNumber += 1;
    const temporary = `${this.directory}/spare-${String(number).padStart(12, "0")}.tmp`;
    const wanted = sizeBytes ?? this.#nextBytes;
    const spare = kind === "journal" ? this.#takeSpare(wanted) : undefined;
    if (spare !== undefined) await this.#files.rename(spare.path, temporary);
    const file = await this.#files.open(temporary, {
      ...{ write: true, create: true, durableWrites: true },
      // Readers at the tip are served from memory, and a page cache filled with each commit is two copies more.
      uncached: kind === "journal",
    });
    try {
      let fileBytes = spare?.bytes ?? 0; // all of it written before: nothing to fill
      const header = {
        kind,
        epoch,
        salt: Buffer.from(this.#secrets.bytes(8)).readBigUInt64LE(),
        segmentNumber: number,
        createdMs: this.#clock.nowMs(),
      };
      await writeFully(file, encodeSegmentHeader(header), 0, true);
      if (kind === "journal" && fileBytes < wanted) {
        await this.#fillWithZeros(temporary, Math.max(fileBytes, SEGMENT_HEADER_BYTES), wanted);
        fileBytes = wanted;
      }
      if (kind === "journal") this.#bytesInUse = wanted;
      await file.sync();
      const path = this.#path(number, epoch);
      await this.#files.rename(temporary, path);
      await this.#files.syncDirectory(this.directory);
      if (kind === "journal" && sizeBytes === undefined) {
        this.#growNext(wanted);
      }
      return new Segment(path, header, file, Math.max(fileBytes, SEGMENT_HEADER_BYTES));
    } catch (error) {
      await file.close();
      if (isDiskFull(error)) await this.#files.unlink(temporary).catch(() => undefined);
      throw error;
    }
  }

  /** A segment of the smallest size that takes every entry, for when the disk is nearly full. */
  async createSmallest(epoch: number): Promise<Segment> {
    return this.create("journal", epoch, this.#options.initialSegmentBytes);
  }

  /**
   * The segment in which a start goes on: with room for one block of `blockBytes` and little more, because nobody is answered
   * before it is filled. The next one, of the usual size, is prepared while it is used.
   */
  async createFirst(epoch: number, blockBytes: number): Promise<Segment> {
    const wanted = alignUp(SEGMENT_HEADER_BYTES + blockBytes + this.#options.firstSegmentBytes);
    if (wanted >= this.#nextBytes) return this.create("journal", epoch);
    const segment = await this.create("journal", epoch, wanted);
    // It stands for one of the usual size: what would not have fitted into that one fits into the next.
    this.#growNext(wanted);
    return segment;
  }

  /** A segment for little more than one block and the state changes of a full disk. */
  async createForRecovery(epoch: number, blockBytes: number): Promise<Segment> {
    return this.create("journal", epoch, SEGMENT_HEADER_BYTES + blockBytes + RECOVERY_SEGMENT_BYTES);
  }

  #growNext(createdBytes: number): void {
    this.#nextBytes = Math.min(Math.max(this.#nextBytes, createdBytes) * 2, this.#options.maxSegmentBytes);
  }

  /** The number that the next file gets. */
  get nextNumber(): number {
    return this.#nextNumber;
  }

  /** Numbers below `number` were used by files that may be gone; the journal may still speak of them. */
  skipNumbers(number: number): void {
    this.#nextNumber = Math.max(this.#nextNumber, number);
  }

  /** Where the next sizes go on after a restart: not below what is already being used. */
  resumeSizes(largestBytes: number): void {
    while (this.#nextBytes < Math.min(largestBytes, this.#options.maxSegmentBytes)) this.#nextBytes *= 2;
  }

  async #fillWithZeros(path: string, from: number, to: number): Promise<void> {
    const file = await this.#files.open(path, { write: true, durableWrites: true, uncached: true });
    const rightOfWay = this.#rightOfWay;
    const bytesPerCommitted = (to - from) / (FILLED_AT_SHARE * this.#bytesInUse);
    const startBytes = rightOfWay.committedBytes;
    try {
      for (let at = from; at < to;) {
        await rightOfWay.give(startBytes + (at - from) / bytesPerCommitted);
        const lag = (rightOfWay.committedBytes - startBytes) * bytesPerCommitted - (at - from);
        const wanted = rightOfWay.isAwaited ? FILL_PIECE_BYTES_MAX : lag * FILL_LAG_SHARE;
        const piece = Math.min(
          // A sealed file may end anywhere: from there to where the disk takes whole pieces.
          at === alignUp(at) ? Math.max(alignUp(wanted), FILL_PIECE_BYTES_MIN) : alignUp(at) - at,
          FILL_PIECE_BYTES_MAX,
          to - at,
        );
        await writeFully(file, this.#zeros(piece), at, true);
        at += piece;
      }
      await file.sync();
    } finally {
      await file.close();
    }
  }

  #zeros(bytes: number): Buffer {
    // Never written to, so the pages of it that are looked at are all the same one.
    if (this.#zeroBytes.length < bytes) this.#zeroBytes = alignedBytes(FILL_PIECE_BYTES_MAX);
    return this.#zeroBytes.subarray(0, bytes);
  }

  #takeSpare(wantedBytes: number): { path: string; bytes: number } | undefined {
    const at = this.#spares.findIndex((spare) => spare.bytes >= wantedBytes);
    return at < 0 ? undefined : this.#spares.splice(at, 1)[0];
  }

  /** Gives a segment's disk back, or keeps the file as a spare, once nobody reads it any more. */
  async retire(segment: Segment, keepAsSpare = true): Promise<void> {
    await segment.idle();
    await segment.file.close();
    const reusable =
      keepAsSpare &&
      segment.header.kind === "journal" &&
      segment.fileBytes >= this.#options.initialSegmentBytes &&
      // A full disk's segment, or one from before the sizes were lowered, would never be taken again by size.
      segment.fileBytes <= this.#options.maxSegmentBytes &&
      this.#spares.length < SPARES_MAX;
    if (reusable) {
      const path = `${this.directory}/spare-retired-${String(segment.number).padStart(12, "0")}.tmp`;
      await this.#files.rename(segment.path, path);
      this.#spares.push({ path, bytes: segment.fileBytes });
    } else {
      await this.#files.unlink(segment.path);
    }
    await this.#files.syncDirectory(this.directory);
  }

  /** Removes spares: at a clean stop, or because the disk is full. Returns whether there were any. */
  async dropSpares(): Promise<boolean> {
    const spares = this.#spares.splice(0);
    for (const spare of spares) await this.#files.unlink(spare.path);
    if (spares.length > 0) await this.#files.syncDirectory(this.directory);
    return spares.length > 0;
  }

  /** Sets disk aside that {@link giveUpReserve} frees. Fails like any write when there is no room. */
  async holdReserve(sizeBytes: number): Promise<void> {
    if (this.#reserveHeld) return;
    const path = `${this.#root}/reserve`;
    const file = await this.#files.open(path, { write: true, create: true });
    try {
      const held = await file.sizeBytes();
      await file.close();
      if (held < sizeBytes) await this.#fillWithZeros(path, held, sizeBytes);
      this.#reserveHeld = true;
    } catch (error) {
      await this.#files.unlink(path).catch(() => undefined);
      throw error;
    }
  }

  get reserveHeld(): boolean {
    return this.#reserveHeld;
  }

  async giveUpReserve(): Promise<boolean> {
    this.#reserveHeld = false;
    try {
      await this.#files.unlink(`${this.#root}/reserve`);
      return true;
    } catch {
      return false;
    }
  }

  #path(number: number, epoch: number): string {
    return `${this.directory}/${String(number).padStart(12, "0")}-e${String(epoch).padStart(6, "0")}.segment`;
  }
}

export class DamagedSegmentError extends Error {
  override readonly name = "DamagedSegmentError";
  readonly path: string;
  constructor(path: string, detail: string) {
    super(`${path}: ${detail}. Run "millrace data verify" to see what is affected.`);
    this.path = path;
  }
}
