import { createHash } from "node:crypto";
import { OneKeyAggregateWriter } from "@millrace/model";
import { BytePool } from "@millrace/runtime";
import type { RecordProcessor } from "./data-processing.ts";
import { HEAD_BYTES } from "./fingerprint.ts";
import { boundedRecord, type RecordSink, type SplitRules } from "./record-splitter.ts";

/** A record for the producer. */
export interface Put {
  readonly partitionKey: string;
  readonly data: Buffer;
  /** How many records of a file it holds. */
  readonly recordCount: number;
}

/** What one read of a file is put as. */
export interface Puts {
  readonly puts: readonly Put[];
  readonly recordCount: number;
  /** Data of these records. */
  readonly sizeBytes: number;
  /** Records that their format does not take. */
  readonly leftOutCount: number;
  /** All of them are stored, and nobody looks at their bytes any more. */
  readonly release: () => void;
}

/** Makes what is put of the records of one read after the other. */
export interface BatchMaker extends RecordSink {
  /** Where to read to, always of the same size. */
  memory(): Buffer;
  /** Begins with a read of a log, and returns the bytes that records have to be cut from. */
  begin(logKey: string, bytes: Buffer): Buffer;
  finish(): Puts;
}

/** Bytes read at once beyond the longest record and those that are compared. */
const READ_AHEAD_BYTES = 1_048_576;
/** Of what is kept until it is stored, less than this is copied, so that a few lines do not hold a large buffer. */
const COPIED_BYTES_MAX = 262_144;

function memorySizeOf({ split }: BatchRules): number {
  return HEAD_BYTES + split.recordSizeBytesMax + READ_AHEAD_BYTES;
}

export interface BatchRules {
  /** See `FlowConfig.partitionKey`. */
  readonly partitionKey: "RANDOM" | "DETERMINISTIC" | "FILE";
  readonly drawKey: () => string;
  readonly process: RecordProcessor | undefined;
  readonly split: SplitRules;
}

/** One record of a file is one record of the producer, which may pack them. */
export class SingleRecords implements BatchMaker {
  readonly #rules: BatchRules;
  #spare: Buffer | undefined;
  #logKey = "";
  #puts: Put[] = [];
  #takenCount = 0;
  #sizeBytes = 0;

  constructor(rules: BatchRules) {
    this.#rules = rules;
  }

  memory(): Buffer {
    const spare = this.#spare;
    this.#spare = undefined;
    return spare ?? Buffer.allocUnsafeSlow(memorySizeOf(this.#rules));
  }

  begin(logKey: string, bytes: Buffer): Buffer {
    this.#logKey = logKey;
    this.#puts = [];
    this.#takenCount = 0;
    this.#sizeBytes = 0;
    if (bytes.length > COPIED_BYTES_MAX) return bytes;
    this.#spare = Buffer.from(bytes.buffer, 0, memorySizeOf(this.#rules));
    return Buffer.from(bytes);
  }

  take(bytes: Buffer, start: number, end: number): void {
    this.#takenCount += 1;
    const data = processed(this.#rules, bytes.subarray(start, end));
    if (data === undefined) return;
    this.#puts.push({ partitionKey: this.#keyOf(data), data, recordCount: 1 });
    this.#sizeBytes += data.length;
  }

  finish(): Puts {
    const recordCount = this.#puts.length;
    const leftOutCount = this.#takenCount - recordCount;
    return {
      puts: this.#puts,
      recordCount,
      sizeBytes: this.#sizeBytes,
      leftOutCount,
      release: () => undefined,
    };
  }

  #keyOf(data: Buffer): string {
    const { partitionKey, drawKey } = this.#rules;
    if (partitionKey === "RANDOM") return drawKey();
    return partitionKey === "FILE" ? this.#logKey : createHash("md5").update(data).digest("hex");
  }
}

/**
 * Of one packed record, in bytes. With order kept, those of a key go one after the other, so a small one makes a fast
 * log wait for answers; and the rate of a shard is 1 MiB in a second, of which one has to leave room for others.
 */
export const PACK_BYTES_MAX = 524_288;

/** Packs the records of a read, which have one key, straight from the bytes that were read. */
export class PackedRecords implements BatchMaker {
  readonly #rules: BatchRules;
  readonly #writer: OneKeyAggregateWriter;
  /** Behind the writer's in the same memory, since lines are moved within it at half of what a copy costs. */
  readonly #memory: Buffer;
  /** What packs lie in until they are stored. */
  readonly #pool = new BytePool();
  #key = "";
  #puts: Put[] = [];
  #pooled: Buffer[] = [];
  #recordCount = 0;
  #sizeBytes = 0;
  #leftOutCount = 0;
  /** The only one in the writer, which is put bare when no other comes. */
  #first: Buffer = Buffer.alloc(0);

  constructor(rules: BatchRules) {
    this.#rules = rules;
    const memory = Buffer.allocUnsafeSlow(PACK_BYTES_MAX + memorySizeOf(rules));
    this.#writer = new OneKeyAggregateWriter(memory.subarray(0, PACK_BYTES_MAX));
    this.#memory = memory.subarray(PACK_BYTES_MAX);
  }

  memory(): Buffer {
    return this.#memory;
  }

  begin(logKey: string, bytes: Buffer): Buffer {
    this.#puts = [];
    this.#recordCount = 0;
    this.#sizeBytes = 0;
    this.#leftOutCount = 0;
    this.#key = logKey;
    this.#pooled = [];
    this.#beginPack();
    return bytes;
  }

  take(bytes: Buffer, start: number, end: number): void {
    const { process } = this.#rules;
    if (process === undefined) this.#pack(bytes, start, end);
    else {
      const data = processed(this.#rules, bytes.subarray(start, end));
      if (data === undefined) this.#leftOutCount += 1;
      else this.#pack(data, 0, data.length);
    }
  }

  finish(): Puts {
    this.#endPack();
    const pooled = this.#pooled;
    return {
      puts: this.#puts,
      recordCount: this.#recordCount,
      sizeBytes: this.#sizeBytes,
      leftOutCount: this.#leftOutCount,
      release: () => {
        for (const memory of pooled.splice(0)) this.#pool.give(memory);
      },
    };
  }

  #pack(bytes: Buffer, start: number, end: number): void {
    this.#recordCount += 1;
    this.#sizeBytes += end - start;
    const writer = this.#writer;
    if (!writer.tryAdd(bytes, start, end)) {
      this.#endPack();
      this.#beginPack();
      if (!writer.tryAdd(bytes, start, end)) {
        // Too long for a pack.
        this.#put(Buffer.from(bytes.subarray(start, end)), 1);
        return;
      }
    }
    if (writer.count === 1) this.#first = bytes.subarray(start, end);
  }

  #beginPack(): void {
    if (this.#rules.partitionKey === "RANDOM") this.#key = this.#rules.drawKey();
    this.#writer.begin(this.#key);
  }

  #endPack(): void {
    const { count } = this.#writer;
    if (count === 1) this.#put(Buffer.from(this.#first), 1);
    else if (count > 1) {
      const pack = this.#writer.finish();
      const memory = this.#pool.take(pack.length);
      this.#pooled.push(memory);
      pack.copy(memory);
      this.#put(memory.subarray(0, pack.length), count);
    }
  }

  #put(data: Buffer, recordCount: number): void {
    this.#puts.push({ partitionKey: this.#key, data, recordCount });
  }
}

function processed({ process, split }: BatchRules, record: Buffer): Buffer | undefined {
  const data = process === undefined ? record : process(record);
  return data === undefined ? undefined : boundedRecord(data, split);
}
