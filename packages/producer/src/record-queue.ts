import type { QueuedRecord } from "./record.ts";

/** Records in the order of their acceptance. Those that failed come back to their old places. */
export class RecordQueue {
  /** What came back: mostly few, and older than all of {@link #fresh}. */
  readonly #returned = new Fifo();
  readonly #fresh = new Fifo();
  #sizeBytes = 0;

  get count(): number {
    return this.#returned.count + this.#fresh.count;
  }

  /** Keys and data. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get first(): QueuedRecord | undefined {
    return this.#returned.first ?? this.#fresh.first;
  }

  /** Adds the record that was accepted last. */
  push(record: QueuedRecord): void {
    this.#fresh.push(record);
    this.#sizeBytes += record.sizeBytes;
  }

  shift(): QueuedRecord | undefined {
    const record = this.#returned.shift() ?? this.#fresh.shift();
    if (record !== undefined) this.#sizeBytes -= record.sizeBytes;
    return record;
  }

  /** Puts records back that were taken, in any order. Costs nothing for what is queued behind them. */
  restore(records: readonly QueuedRecord[]): void {
    const nextId = this.#fresh.first?.id ?? Infinity;
    const isBefore = records.every((record) => record.id < nextId);
    const rest = isBefore ? this.#returned.drain() : [...this.#returned.drain(), ...this.#fresh.drain()];
    const target = isBefore ? this.#returned : this.#fresh;
    for (const record of [...rest, ...records].toSorted((one, other) => one.id - other.id))
      target.push(record);
    for (const record of records) this.#sizeBytes += record.sizeBytes;
  }

  /** Takes everything out. */
  drain(): QueuedRecord[] {
    this.#sizeBytes = 0;
    return [...this.#returned.drain(), ...this.#fresh.drain()];
  }
}

/** How much is taken off the front of an array before the array is made anew. */
const TAKEN_MAX = 4_096;

class Fifo {
  #items: (QueuedRecord | undefined)[] = [];
  #head = 0;

  get count(): number {
    return this.#items.length - this.#head;
  }

  get first(): QueuedRecord | undefined {
    return this.#items[this.#head];
  }

  push(record: QueuedRecord): void {
    this.#items.push(record);
  }

  shift(): QueuedRecord | undefined {
    const record = this.#items[this.#head];
    if (record === undefined) return undefined;
    this.#items[this.#head] = undefined;
    this.#head += 1;
    if (this.#head === this.#items.length) {
      this.#items = [];
      this.#head = 0;
    } else if (this.#head >= TAKEN_MAX && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return record;
  }

  drain(): QueuedRecord[] {
    const records = this.#items.slice(this.#head) as QueuedRecord[];
    this.#items = [];
    this.#head = 0;
    return records;
  }
}
