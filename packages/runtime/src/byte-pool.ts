/**
 * Memory for the length of a request, used again by the next: fresh memory costs more than filling it, since the
 * kernel clears each page at its first touch.
 */

/** Smaller ones cost little, unless `pooledBytesMin` says other. */
export const POOLED_BYTES_MIN = 64 * 1024;
/** What lies idle in a pool at most, if nothing else is said. */
const IDLE_BYTES_MAX = 32 * 1024 * 1024;
/** So many sizes are told apart from one power of two to the next: at most an eighth of a buffer is more than asked for. */
const SIZES_PER_OCTAVE = 8;

export interface BytePoolOptions {
  /** Default: memory of this thread alone. */
  readonly allocate?: (sizeBytes: number) => Buffer;
  readonly pooledBytesMin?: number;
  readonly idleBytesMax?: number;
}

export class BytePool {
  readonly #allocate: (sizeBytes: number) => Buffer;
  readonly #pooledBytesMin: number;
  readonly #idle = new Map<number, Buffer[]>();
  readonly #idleBytesMax: number;
  #idleBytes = 0;

  constructor({
    allocate = (sizeBytes: number) => Buffer.allocUnsafeSlow(sizeBytes),
    pooledBytesMin = POOLED_BYTES_MIN,
    idleBytesMax = IDLE_BYTES_MAX,
  }: BytePoolOptions = {}) {
    this.#allocate = allocate;
    this.#pooledBytesMin = pooledBytesMin;
    this.#idleBytesMax = idleBytesMax;
  }

  /** How much {@link take} gives to those who ask for `sizeBytes`, for whoever has to set it aside before. */
  sizeBytesFor(sizeBytes: number): number {
    if (sizeBytes < this.#pooledBytesMin) return sizeBytes;
    const stepBytes = 2 ** Math.floor(Math.log2(sizeBytes)) / SIZES_PER_OCTAVE;
    return Math.ceil(sizeBytes / stepBytes) * stepBytes;
  }

  /** At least `sizeBytes`, with whatever was in it before; {@link give} it back, and do not look at it afterwards. */
  take(sizeBytes: number): Buffer {
    const classBytes = this.sizeBytesFor(sizeBytes);
    if (classBytes < this.#pooledBytesMin) return this.#allocate(classBytes);
    const idle = this.#idle.get(classBytes)?.pop();
    if (idle === undefined) return this.#allocate(classBytes);
    this.#idleBytes -= classBytes;
    return idle;
  }

  give(bytes: Buffer): void {
    if (bytes.length < this.#pooledBytesMin || this.#idleBytes + bytes.length > this.#idleBytesMax) return;
    this.#idleBytes += bytes.length;
    const idle = this.#idle.get(bytes.length);
    if (idle === undefined) this.#idle.set(bytes.length, [bytes]);
    else idle.push(bytes);
  }
}

/** Memory that other threads see. */
export function sharedBytes(sizeBytes: number): Buffer {
  return Buffer.from(new SharedArrayBuffer(sizeBytes));
}
