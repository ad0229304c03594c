/**
 * The bytes of recent chunks, encoded as on disk, shared by all readers: what was just written and what was
 * just read. Holds no more than the memory budget lets it.
 */
import type { MemoryBudget } from "@millrace/runtime";
import type { Segment } from "./segment.ts";

/** Files stay below 2^32 bytes, so this is unique while segment numbers stay below 2^21. */
const OFFSETS_PER_SEGMENT = 0x1_0000_0000;

export class ChunkCache {
  readonly #chunks = new Map<number, Buffer>();
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
    return this.#chunks.get(segment.number * OFFSETS_PER_SEGMENT + offset);
  }

  /** Keeps a chunk if there is room for it, at the cost of the oldest. */
  put(segment: Segment, offset: number, chunk: Buffer): void {
    const key = segment.number * OFFSETS_PER_SEGMENT + offset;
    if (this.#chunks.has(key) || chunk.length > this.#maxBytes) return;
    if (this.#bytes + chunk.length > this.#maxBytes) this.#evict(this.#bytes + chunk.length - this.#maxBytes);
    if (!this.#budget.tryReserve(chunk.length)) return;
    this.#chunks.set(key, chunk);
    this.#bytes += chunk.length;
  }

  #evict(wantedBytes: number): number {
    let freed = 0;
    for (const [key, chunk] of this.#chunks) {
      if (freed >= wantedBytes) break;
      this.#chunks.delete(key);
      this.#bytes -= chunk.length;
      freed += chunk.length;
      this.#budget.release(chunk.length);
    }
    return freed;
  }

  clear(): void {
    this.#evict(this.#bytes);
    this.#stopListening();
  }
}
