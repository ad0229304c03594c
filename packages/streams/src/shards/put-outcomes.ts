import type { StoredEntries, StoredEntry } from "@millrace/wire";
import type { Shard } from "../catalog/shard.ts";

export type PutOutcome =
  | { readonly kind: "stored"; readonly shard: Shard; readonly sequenceNumber: string }
  | { readonly kind: "throttled"; readonly shard: Shard }
  | { readonly kind: "failed"; readonly shard: Shard; readonly reason: string }
  /** The stream was deleted meanwhile. */
  | { readonly kind: "gone" };

/** What became of records, which all records of an entry have in common. */
type Fate = EntryOfShard | Exclude<PutOutcome, { kind: "stored" }>;

class EntryOfShard implements StoredEntry {
  readonly kind = "stored";
  readonly shard: Shard;
  readonly #index: number;

  constructor(shard: Shard, index: number) {
    this.shard = shard;
    this.#index = index;
  }

  get shardId(): string {
    return this.shard.shardId;
  }

  sequenceNumber(recordIndex: number): string {
    return this.shard.sequenceNumber(this.#index, recordIndex);
  }

  writeSequenceNumber(target: Uint8Array, at: number, recordIndex: number): void {
    this.shard.writeSequenceNumber(target, at, this.#index, recordIndex);
  }
}

/** What became of the records of a request, as columns: a record that was stored is two numbers. */
export class PutOutcomes implements Iterable<PutOutcome> {
  readonly count: number;
  readonly #fates: Fate[] = [];
  readonly #fateOf: Int32Array;
  /** Of a stored record: its index in its entry. */
  readonly #recordIndexes: Int32Array;
  #storedCount = 0;

  constructor(count: number) {
    this.count = count;
    this.#fateOf = new Int32Array(count);
    this.#recordIndexes = new Int32Array(count);
  }

  /** Records share an entry, in this order. */
  stored(indexes: readonly number[], shard: Shard, entryIndex: number): void {
    const fate = this.#fates.push(new EntryOfShard(shard, entryIndex)) - 1;
    for (let recordIndex = 0; recordIndex < indexes.length; recordIndex += 1) {
      const index = indexes[recordIndex]!;
      this.#fateOf[index] = fate;
      this.#recordIndexes[index] = recordIndex;
    }
    this.#storedCount += indexes.length;
  }

  throttled(index: number, shard: Shard): void {
    this.#fateOf[index] = this.#fates.push({ kind: "throttled", shard }) - 1;
  }

  failed(indexes: readonly number[], shard: Shard, reason: string): void {
    const fate = this.#fates.push({ kind: "failed", shard, reason }) - 1;
    for (const index of indexes) this.#fateOf[index] = fate;
  }

  gone(index: number): void {
    this.#fateOf[index] = this.#fates.push({ kind: "gone" }) - 1;
  }

  of(index: number): PutOutcome {
    const fate = this.#fates[this.#fateOf[index]!]!;
    if (fate.kind !== "stored") return fate;
    const sequenceNumber = fate.sequenceNumber(this.#recordIndexes[index]!);
    return { kind: "stored", shard: fate.shard, sequenceNumber };
  }

  *[Symbol.iterator](): Iterator<PutOutcome> {
    for (let index = 0; index < this.count; index += 1) yield this.of(index);
  }

  /** The records as their entries; undefined unless every one of them was stored. */
  asStored(): StoredEntries | undefined {
    if (this.#storedCount < this.count) return undefined;
    const entries = this.#fates.map((fate) => {
      if (fate.kind !== "stored") throw new Error(`a record that was stored is ${fate.kind}`);
      return fate;
    });
    return { entries, entryOf: this.#fateOf, recordIndexes: this.#recordIndexes };
  }
}
