import { BytePool, POOLED_BYTES_MIN } from "@millrace/runtime";

/** Those below cost less than finding memory for them. */
const SMALL_BYTES_MIN = 512;
/** The largest size that memory for small ones has below that for large ones. Of the bodies between there are few. */
const SMALL_BYTES_MAX = 56 * 1024;
/** What lies idle for small bodies at most. */
const IDLE_SMALL_BYTES_MAX = 4 * 1024 * 1024;

export interface BodyMemoryOptions {
  /** Of large bodies. Default: memory of this thread alone, as that of small ones always is. */
  readonly allocate?: (sizeBytes: number) => Buffer;
  /** What lies idle for large bodies at most. */
  readonly idleBytesMax: number;
}

/**
 * What bodies are read into, used again by the next ones. Fresh memory has to be cleared by the kernel where it is large, and
 * makes the garbage collector look for what can be freed where there is much of it.
 */
export class BodyMemory {
  readonly #small: BytePool;
  readonly #large: BytePool;

  constructor(options: BodyMemoryOptions) {
    const idleBytesMax = Math.min(IDLE_SMALL_BYTES_MAX, options.idleBytesMax);
    this.#small = new BytePool({ pooledBytesMin: SMALL_BYTES_MIN, idleBytesMax });
    this.#large = new BytePool(options);
  }

  /** Whether bodies of this size lie in memory that is used again. */
  isFor(sizeBytes: number): boolean {
    return sizeBytes >= POOLED_BYTES_MIN || (sizeBytes >= SMALL_BYTES_MIN && sizeBytes <= SMALL_BYTES_MAX);
  }

  /** How much a body of `sizeBytes` takes. */
  sizeBytesFor(sizeBytes: number): number {
    return this.isFor(sizeBytes) ? this.#poolOf(sizeBytes).sizeBytesFor(sizeBytes) : sizeBytes;
  }

  /**
   * For a body that it {@link isFor}: at least `sizeBytes`, with whatever was in it before; {@link give} it back, and do not look at it
   * afterwards.
   */
  take(sizeBytes: number): Buffer {
    return this.#poolOf(sizeBytes).take(sizeBytes);
  }

  give(bytes: Buffer): void {
    this.#poolOf(bytes.length).give(bytes);
  }

  #poolOf(sizeBytes: number): BytePool {
    return sizeBytes <= SMALL_BYTES_MAX ? this.#small : this.#large;
  }
}
