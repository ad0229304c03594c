import { alignedBytes } from "@millrace/runtime";

/**
 * Memory that blocks are put together in and that the tail cache keeps afterwards. Fresh memory costs more than
 * filling it: the kernel clears each page at its first touch. So memory comes in slabs that are used again
 * as soon as nothing of them is written or cached any more, unless a reader was given bytes of them: nobody knows how long
 * it looks at those, and the garbage collector decides.
 */

const IDLE_SLABS_MAX = 4;

export class Slab {
  readonly memory: Buffer;
  /** Blocks being written and chunks cached that lie in it. */
  #uses = 0;
  #lent = false;
  readonly #onIdle: (slab: Slab) => void;

  constructor(sizeBytes: number, onIdle: (slab: Slab) => void) {
    this.memory = alignedBytes(sizeBytes);
    this.#onIdle = onIdle;
  }

  hold(): void {
    this.#uses += 1;
  }

  /** Takes back one {@link hold}. */
  release(): void {
    this.#uses -= 1;
    if (this.#uses === 0 && !this.#lent) this.#onIdle(this);
  }

  /** Somebody outside got bytes of it, for as long as they please. */
  lend(): void {
    this.#lent = true;
  }
}

/** Bytes for one block; {@link Slab.release} the slab when the block is written and what is kept of it is held. */
export interface BlockBytes {
  readonly bytes: Buffer;
  /** Undefined for a block larger than a slab, whose memory is its own. */
  readonly slab: Slab | undefined;
}

export class BlockMemory {
  readonly #idle: Slab[] = [];
  #current: Slab | undefined;
  #end = 0;
  readonly #slabBytes: number;

  /** @param slabBytes a block of the usual largest size fits, and many small ones share a slab. */
  constructor(slabBytes: number) {
    this.#slabBytes = slabBytes;
  }

  /** Memory for a block of `sizeBytes`, with whatever was in it before. */
  take(sizeBytes: number): BlockBytes {
    if (sizeBytes > this.#slabBytes) return { bytes: Buffer.allocUnsafeSlow(sizeBytes), slab: undefined };
    let slab = this.#current;
    if (slab === undefined || this.#end + sizeBytes > this.#slabBytes) {
      const full = slab;
      slab = this.#idle.pop() ?? new Slab(this.#slabBytes, (idle) => this.#reuse(idle));
      // What is being filled counts as a use, so that it is not handed out twice.
      slab.hold();
      this.#current = slab;
      this.#end = 0;
      full?.release();
    }
    slab.hold();
    const bytes = slab.memory.subarray(this.#end, this.#end + sizeBytes);
    this.#end += sizeBytes;
    return { bytes, slab };
  }

  #reuse(slab: Slab): void {
    if (this.#idle.length < IDLE_SLABS_MAX) this.#idle.push(slab);
  }
}
