/**
 * The bytes of recent chunks, encoded as on disk, shared by all readers: what was just written and what was
 * just read. Holds no more than the memory budget lets it.
 */
import type { MemoryBudget } from "@millrace/runtime";
import type { Slab } from "./block-memory.ts";
import type { Segment } from "./segment.ts";

/** Files stay below 2^32 bytes, so this is unique while segment numbers stay below 2^21. */
const OFFSETS_PER_SEGMENT = 0x1_0000_0000;

interface Cached {
  readonly bytes: Buffer;
  /** What the bytes lie in, if that is used again. */
  readonly slab: Slab | undefined;
}

export class ChunkCache {
  readonly #chunks = new Map<number, Cached>();
  /**
   * Goes on where the last eviction stopped. One that begins anew has to pass the places of all chunks that were
   * deleted since the map was last rebuilt, which are thousands.
   */
  #oldest = this.#chunks.entries();
  readonly #budget: MemoryBudget;
  readonly #maxBytes: number;
  readonly #stopListening: () => void;
  #bytes = 0;

  constructor(budget: MemoryBudget, maxBytes: number) {
    this.#budget = budget;
    this.#maxBytes = maxBytes;
    this.#stopListening = budget.onPressure((wanted) => this.#evict(wanted));
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(segment: Segment, offset: number): Buffer | undefined {
    const cached = this.#chunks.get(segment.number * OFFSETS_PER_SEGMENT + offset);
    cached?.slab?.lend();
    return cached?.bytes;
  }

  has(segment: Segment, offset: number): boolean {
    return this.#chunks.has(segment.number * OFFSETS_PER_SEGMENT + offset);
  }

  /** Keeps a chunk if there is room for it, at the cost of the oldest. */
  put(segment: Segment, offset: number, chunk: Buffer, slab?: Slab): void {
    const key = segment.number * OFFSETS_PER_SEGMENT + offset;
    if (this.#chunks.has(key) || chunk.length > this.#maxBytes) return;
    if (this.#bytes + chunk.length > this.#maxBytes) this.#evict(this.#bytes + chunk.length - this.#maxBytes);
    if (!this.#budget.tryReserve(chunk.length)) return;
    slab?.hold();
    this.#chunks.set(key, { bytes: chunk, slab });
    this.#bytes += chunk.length;
  }

  #evict(wantedBytes: number): number {
    let freed = 0;
    while (freed < wantedBytes && this.#chunks.size > 0) {
      const next = this.#oldest.next();
      if (next.done === true) {
        // It has come to its end before chunks were added.
        this.#oldest = this.#chunks.entries();
        continue;
      }
      const [key, { bytes, slab }] = next.value;
      this.#chunks.delete(key);
      this.#bytes -= bytes.length;
      freed += bytes.length;
      slab?.release();
    }
    if (freed > 0) this.#budget.release(freed);
    return freed;
  }

  clear(): void {
    this.#evict(this.#bytes);
    this.#stopListening();
  }
}
