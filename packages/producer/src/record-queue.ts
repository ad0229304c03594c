import type { QueuedRecord } from "./record.ts";

/** Records in the order of their acceptance. Those that failed come back to their old places. */
export class RecordQueue {
  #items: (QueuedRecord | undefined)[] = [];
  #head = 0;
  #sizeBytes = 0;

  get count(): number {
    return this.#items.length - this.#head;
  }

  /** Keys and data. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get first(): QueuedRecord | undefined {
    return this.#items[this.#head];
  }

  /** Adds the record that was accepted last. */
  push(record: QueuedRecord): void {
    this.#items.push(record);
    this.#sizeBytes += record.sizeBytes;
  }

  shift(): QueuedRecord | undefined {
    const record = this.#items[this.#head];
    if (record === undefined) return undefined;
    this.#items[this.#head] = undefined;
    this.#head += 1;
    this.#sizeBytes -= record.sizeBytes;
    if (this.#head === this.#items.length) {
      this.#items = [];
      this.#head = 0;
    } else if (this.#head >= 4_096 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return record;
  }

  /** Puts records back that were taken, in any order among those that are still here. */
  restore(records: readonly QueuedRecord[]): void {
    const rest = this.drain();
    const all = [...records, ...rest].toSorted((one, other) => one.id - other.id);
    for (const record of all) this.push(record);
  }

  /** Takes everything out. */
  drain(): QueuedRecord[] {
    const records = this.#items.slice(this.#head) as QueuedRecord[];
    this.#items = [];
    this.#head = 0;
    this.#sizeBytes = 0;
    return records;
  }
}
