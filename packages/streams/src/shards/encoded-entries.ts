/**
 * Entries as they stand in answers, so that the consumers of a shard share the work of encoding and the bytes. What was
 * used least recently goes first, by halves: a half that is full becomes the old one, and the old one before it goes.
 */
import type { ShardLogId } from "@millrace/log";
import type { MemoryBudget } from "@millrace/runtime";

/** Of the memory budget, at most. */
const BUDGET_SHARE = 1 / 8;
const MAX_BYTES = 256 << 20;

export interface EncodedEntry {
  readonly json: Buffer;
  /** What it says of encryption, which the stream's periods may say differently in the millisecond in which one begins. */
  readonly encrypted: boolean;
}

interface Half {
  readonly entries: Map<ShardLogId, Map<number, EncodedEntry>>;
  bytes: number;
}

export class EncodedEntries {
  readonly #memory: MemoryBudget;
  readonly #halfBytesMax: number;
  readonly #stopListening: () => void;
  #young: Half = emptyHalf();
  #old: Half = emptyHalf();

  constructor(memory: MemoryBudget) {
    this.#memory = memory;
    this.#halfBytesMax = Math.min(MAX_BYTES, memory.limitBytes * BUDGET_SHARE) / 2;
    this.#stopListening = memory.onPressure((wantedBytes) => this.#shrink(wantedBytes));
  }

  get(logId: ShardLogId, index: number): EncodedEntry | undefined {
    const young = this.#young.entries.get(logId)?.get(index);
    if (young !== undefined) return young;
    const old = this.#old.entries.get(logId)?.get(index);
    if (old === undefined) return undefined;
    remove(this.#old, logId, index, old);
    this.#memory.release(old.json.length);
    this.put(logId, index, old);
    return old;
  }

  /** Keeps an entry if there is room for it. */
  put(logId: ShardLogId, index: number, entry: EncodedEntry): void {
    const { length } = entry.json;
    if (length > this.#halfBytesMax / 8) return;
    if (this.#young.bytes + length > this.#halfBytesMax) {
      this.#drop(this.#old);
      this.#old = this.#young;
      this.#young = emptyHalf();
    }
    if (!this.#memory.tryReserve(length)) return;
    const half = this.#young;
    const known = half.entries.get(logId);
    if (known === undefined) half.entries.set(logId, new Map([[index, entry]]));
    else {
      const before = known.get(index);
      if (before !== undefined) {
        remove(half, logId, index, before);
        this.#memory.release(before.json.length);
      }
      known.set(index, entry);
      half.entries.set(logId, known);
    }
    half.bytes += length;
  }

  /** Gives all memory back. */
  close(): void {
    this.#stopListening();
    this.#drop(this.#old);
    this.#drop(this.#young);
  }

  #shrink(wantedBytes: number): number {
    const freed = this.#drop(this.#old);
    return freed >= wantedBytes ? freed : freed + this.#drop(this.#young);
  }

  #drop(half: Half): number {
    const { bytes } = half;
    half.entries.clear();
    half.bytes = 0;
    if (bytes > 0) this.#memory.release(bytes);
    return bytes;
  }
}

function emptyHalf(): Half {
  return { entries: new Map(), bytes: 0 };
}

function remove(half: Half, logId: ShardLogId, index: number, entry: EncodedEntry): void {
  const entries = half.entries.get(logId);
  if (entries?.delete(index) !== true) return;
  if (entries.size === 0) half.entries.delete(logId);
  half.bytes -= entry.json.length;
}
