import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import type { Source } from "./fingerprint.ts";

const PIECE_BYTES = 262_144;

/**
 * What a gzip file holds, read from front to back; going back begins again. A file that is cut off, because it is
 * still being written, ends where it breaks off.
 */
export class GunzippedFile implements Source {
  readonly #file: Source;
  #pieces: AsyncIterator<Buffer> | undefined;
  #piece: Buffer = Buffer.alloc(0);
  #pieceStart = 0;
  /** The last read found the end of a whole file. */
  isComplete = false;

  constructor(file: Source) {
    this.#file = file;
  }

  async read(target: Uint8Array, position: number): Promise<number> {
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

  async close(): Promise<void> {
    await this.#pieces?.return?.();
    await this.#file.close();
  }

  async #begin(): Promise<void> {
    await this.#pieces?.return?.();
    const gunzip = Readable.from(compressedPieces(this.#file)).pipe(createGunzip());
    this.#pieces = gunzip[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    this.#piece = Buffer.alloc(0);
    this.#pieceStart = 0;
    this.isComplete = false;
  }

  async #next(): Promise<boolean> {
    const pieces = this.#pieces;
    if (pieces === undefined) return false;
    try {
      const { value, done } = await pieces.next();
      if (done !== true) {
        this.#pieceStart += this.#piece.length;
        this.#piece = value;
        return true;
      }
      this.isComplete = true;
    } catch {
      this.isComplete = false;
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
