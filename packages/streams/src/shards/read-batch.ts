import type { StoredEntry } from "@millrace/log";
import { BASE64, BatchCursor } from "@millrace/log";
import type { RecordRanges, StoredBatch } from "@millrace/wire";
import type { Shard } from "../catalog/shard.ts";
import type { EncodedEntries } from "./encoded-entries.ts";

/** Of each record: start and end of its key, start and end of its data. */
const RANGE_FIELDS = 4;

/** Records of one entry, `[from, to)`, as they go into answers. */
export class ReadBatch implements StoredBatch {
  readonly encrypted: boolean;
  readonly #shard: Shard;
  readonly #entry: StoredEntry;
  readonly #from: number;
  readonly #to: number;
  /** The number that the entry's first record brought along, if it did. */
  readonly #firstNumber: bigint | undefined;
  /** Where whole entries are kept encoded. */
  readonly #encoded: EncodedEntries;

  constructor(
    shard: Shard,
    entry: StoredEntry,
    [from, to]: readonly [from: number, to: number],
    firstNumber: bigint | undefined,
    encrypted: boolean,
    encoded: EncodedEntries,
  ) {
    this.#shard = shard;
    this.#entry = entry;
    this.#from = from;
    this.#to = to;
    this.#firstNumber = firstNumber;
    this.encrypted = encrypted;
    this.#encoded = encoded;
  }

  get length(): number {
    return this.#to - this.#from;
  }

  get arrivalMs(): number {
    return this.#entry.arrivalMs;
  }

  sequenceNumber(index: number): string {
    if (this.#firstNumber !== undefined) return String(this.#firstNumber + BigInt(this.#from + index));
    return this.#shard.sequenceNumber(this.#entry.index, this.#from + index);
  }

  get json(): Buffer | undefined {
    if (!this.#isWhole) return undefined;
    const kept = this.#encoded.get(this.#shard.logId, this.#entry.index);
    return kept?.encrypted === this.encrypted ? kept.json : undefined;
  }

  keepJson(json: Buffer): void {
    if (!this.#isWhole) return;
    this.#encoded.offer(this.#shard.logId, this.#entry.index, { json, encrypted: this.encrypted });
  }

  ranges(): RecordRanges {
    const batch = new BatchCursor(this.#entry.payload);
    const offsets = new Array<number>(this.length * RANGE_FIELDS);
    let at = 0;
    const decoded: Buffer[] = [];
    let decodedEnd = 0;
    for (let index = 0; index < this.#to && batch.next(); index += 1) {
      if (index < this.#from) continue;
      const { keyStart, keyEnd, dataStart, dataEnd } = batch;
      if (batch.encoding !== BASE64) {
        offsets[at++] = keyStart;
        offsets[at++] = keyEnd;
        offsets[at++] = dataStart;
        offsets[at++] = dataEnd;
        continue;
      }
      const key = batch.payload.subarray(keyStart, keyEnd);
      const data = Buffer.from(batch.payload.toString("latin1", dataStart, dataEnd), "base64");
      decoded.push(key, data);
      const dataAt = decodedEnd + key.length;
      offsets[at++] = decodedEnd;
      offsets[at++] = dataAt;
      offsets[at++] = dataAt;
      offsets[at++] = dataAt + data.length;
      decodedEnd = dataAt + data.length;
    }
    return { bytes: batch.encoding === BASE64 ? Buffer.concat(decoded) : batch.payload, offsets };
  }

  get #isWhole(): boolean {
    return this.#from === 0 && this.#to === this.#entry.recordCount;
  }
}
