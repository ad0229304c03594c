/**
 * Entries as they stand in answers, so that the consumers of a shard share the work of encoding and the bytes. An entry is
 * kept when the second reader has it encoded: a single one, who may read all that is stored, has no use for it. What was
 * used least recently goes first, by halves: a half that is full becomes the old one, and the old one before it goes.
 */
import type { ShardLogId } from "@millrace/log";
import type { MemoryBudget } from "@millrace/runtime";

/** Places for marks of entries that were read once. Those that fall to one place take it from each other. */
const MARKS = 16_384;

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
  #marks: Float64Array | undefined;
  #markedBytes = 0;
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
    this.#put(logId, index, old);
    return old;
  }

  /** Keeps a copy of an entry if it is asked for again after a short while, and there is room for it. */
  offer(logId: ShardLogId, index: number, { json, encrypted }: EncodedEntry): void {
    if (!this.#wasMarked(logId, index, json.length)) return;
    const copy = Buffer.allocUnsafeSlow(json.length);
    json.copy(copy);
    this.#put(logId, index, { json: copy, encrypted });
  }

  /** Whether an entry was read before, not longer ago than what could have been kept. Marks it. */
  #wasMarked(logId: ShardLogId, index: number, sizeBytes: number): boolean {
    const marks = (this.#marks ??= new Float64Array(MARKS));
    this.#markedBytes += sizeBytes;
    if (this.#markedBytes > this.#halfBytesMax) {
      marks.fill(0);
      this.#markedBytes = sizeBytes;
    }
    // Entries of a log lie side by side, and those of several logs apart.
    const place = (Math.imul(logId, 0x9e3779b1) + index) & (MARKS - 1);
    const mark = logId * 2 ** 32 + (index % 2 ** 32) + 1;
    if (marks[place] === mark) return true;
    marks[place] = mark;
    return false;
  }

  #put(logId: ShardLogId, index: number, entry: EncodedEntry): void {
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
