import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import type { Source } from "./fingerprint.ts";

const PIECE_BYTES = 262_144;

/** Bytes before a piece that are kept, since readers look back at those before their position. */
const KEPT_BYTES = 1_024;

/** Unpacks pieces of a gzip file. Gives what it can of one that breaks off, and then throws. */
export type Gunzip = (pieces: AsyncIterable<Buffer>) => AsyncIterable<Buffer>;

/** Node's, which works on threads. */
export const nodeGunzip: Gunzip = (pieces) =>
  Readable.from(pieces).pipe(createGunzip({ chunkSize: PIECE_BYTES })) as AsyncIterable<Buffer>;

/**
 * What a gzip file holds, read from front to back; going back begins again. A file that is cut off, because it is
 * still being written, ends where it breaks off.
 */
export class GunzippedFile implements Source {
  readonly #file: Source;
  readonly #gunzip: Gunzip;
  #pieces: AsyncIterator<Buffer> | undefined;
  #piece: Buffer = Buffer.alloc(0);
  #pieceStart = 0;
  /** The last read found the end of a whole file. */
  #isComplete = false;
  #contentBytes: number | undefined;

  constructor(file: Source, gunzip: Gunzip) {
    this.#file = file;
    this.#gunzip = gunzip;
  }

  async read(target: Uint8Array, position: number): Promise<number> {
    if (this.#contentBytes !== undefined && position >= this.#contentBytes) return 0;
    if (this.#pieces === undefined || position < this.#pieceStart) await this.#begin();
    let count = 0;
    while (count < target.length) {
      const at = position + count - this.#pieceStart;
      if (at < this.#piece.length) {
        const part = this.#piece.subarray(at, at + target.length - count);
        target.set(part, count);
        count += part.length;
      } else if (!(await this.#next())) break;
    }
    return count;
  }

  /** How much it holds, for which all of it is read; undefined when it breaks off. */
  async contentBytes(): Promise<number | undefined> {
    if (this.#contentBytes !== undefined) return this.#contentBytes;
    await this.#begin();
    while (await this.#next());
    if (this.#isComplete) this.#contentBytes = this.#pieceStart + this.#piece.length;
    return this.#contentBytes;
  }

  async close(): Promise<void> {
    await this.#pieces?.return?.();
    await this.#file.close();
  }

  async #begin(): Promise<void> {
    await this.#pieces?.return?.();
    this.#pieces = this.#gunzip(compressedPieces(this.#file))[Symbol.asyncIterator]();
    this.#piece = Buffer.alloc(0);
    this.#pieceStart = 0;
    this.#isComplete = false;
  }

  async #next(): Promise<boolean> {
    const pieces = this.#pieces;
    if (pieces === undefined) return false;
    try {
      const { value, done } = await pieces.next();
      if (done !== true) {
        const kept = this.#piece.subarray(-KEPT_BYTES);
        this.#pieceStart += this.#piece.length - kept.length;
        this.#piece = Buffer.concat([kept, value]);
        return true;
      }
      this.#isComplete = true;
    } catch {
      this.#isComplete = false;
    }
    // The next read begins again, and may find more.
    this.#pieces = undefined;
    return false;
  }
}

async function* compressedPieces(file: Source): AsyncGenerator<Buffer> {
  for (let position = 0; ;) {
    const piece = Buffer.allocUnsafe(PIECE_BYTES);
    const count = await file.read(piece, position);
    if (count === 0) return;
    position += count;
    yield piece.subarray(0, count);
  }
}
