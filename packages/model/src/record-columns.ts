/**
 * Records of one request as columns: where each key and each data lies in bytes that all of them share. The way of
 * a put knows records only like this, so that none of them becomes an object.
 */
export class RecordColumns {
  /** What ranges of keys and of data lie in. Not to be written to while the records are being put. */
  readonly keys: Uint8Array;
  readonly data: Uint8Array;
  readonly #ranges: Int32Array;
  #count = 0;

  /** For at most `capacity` records, each of which is told with {@link add}. */
  constructor(keys: Uint8Array, data: Uint8Array, capacity: number) {
    this.keys = keys;
    this.data = data;
    this.#ranges = new Int32Array(capacity * RANGE_FIELDS);
  }

  /** Columns with these {@link ranges}. */
  static at(keys: Uint8Array, data: Uint8Array, ranges: Int32Array): RecordColumns {
    const columns = new RecordColumns(keys, data, ranges.length / RANGE_FIELDS);
    columns.#ranges.set(ranges);
    columns.#count = ranges.length / RANGE_FIELDS;
    return columns;
  }

  /** Of each record: start and end of its key in {@link keys}, start and end of its data in {@link data}. */
  get ranges(): Int32Array {
    return this.#ranges.slice(0, this.#count * RANGE_FIELDS);
  }

  /** The columns of records that are objects; bytes are copied unless there is only one record. */
  static of(
    records: readonly { readonly key: Uint8Array | undefined; readonly data: Uint8Array }[],
  ): RecordColumns {
    const [only] = records;
    if (only !== undefined && records.length === 1) {
      const key = only.key ?? NO_BYTES;
      const columns = new RecordColumns(key, only.data, 1);
      columns.add(0, key.length, 0, only.data.length);
      return columns;
    }
    const keys = Buffer.concat(records.map(({ key }) => key ?? NO_BYTES));
    const data = Buffer.concat(records.map((record) => record.data));
    const columns = new RecordColumns(keys, data, records.length);
    let keyStart = 0;
    let dataStart = 0;
    for (const record of records) {
      const keyEnd = keyStart + (record.key?.length ?? 0);
      const dataEnd = dataStart + record.data.length;
      columns.add(keyStart, keyEnd, dataStart, dataEnd);
      keyStart = keyEnd;
      dataStart = dataEnd;
    }
    return columns;
  }

  /** The next record: UTF-8 of its key in {@link keys}, and its bytes in {@link data}. A record without a key has an empty range. */
  add(keyStart: number, keyEnd: number, dataStart: number, dataEnd: number): void {
    const at = this.#count * RANGE_FIELDS;
    this.#ranges[at] = keyStart;
    this.#ranges[at + 1] = keyEnd;
    this.#ranges[at + 2] = dataStart;
    this.#ranges[at + 3] = dataEnd;
    this.#count += 1;
  }

  get count(): number {
    return this.#count;
  }

  keyStart(index: number): number {
    return this.#ranges[index * RANGE_FIELDS]!;
  }

  keyEnd(index: number): number {
    return this.#ranges[index * RANGE_FIELDS + 1]!;
  }

  dataStart(index: number): number {
    return this.#ranges[index * RANGE_FIELDS + 2]!;
  }

  dataEnd(index: number): number {
    return this.#ranges[index * RANGE_FIELDS + 3]!;
  }

  /** What a record counts against limits: data and key. Bytes. */
  sizeOf(index: number): number {
    const at = index * RANGE_FIELDS;
    return this.#ranges[at + 1]! - this.#ranges[at]! + this.#ranges[at + 3]! - this.#ranges[at + 2]!;
  }
}

const RANGE_FIELDS = 4;
const NO_BYTES = new Uint8Array(0);
