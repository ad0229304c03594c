import { AggregatedRecordWriter } from "@millrace/model";
import type { Lane } from "./lane.ts";
import type { Settings } from "./options.ts";
import type { QueuedRecord } from "./record.ts";

/** One record of a PutRecords request, and the user records in it. */
export interface PutUnit {
  readonly records: readonly QueuedRecord[];
  readonly lane: Lane;
  readonly isAggregate: boolean;
  readonly partitionKey: string;
  readonly explicitHashKey: string | undefined;
  readonly data: Uint8Array;
  /** Key and data, as limits count them. */
  readonly sizeBytes: number;
}

/** Room for what an aggregated record holds for each user record beside key and data. */
const AGGREGATION_BYTES = 64;

/** A PutRecords request in the making. */
export class PutRequest {
  readonly units: PutUnit[] = [];
  readonly lanes: Lane[] = [];
  /** The number of the stream's view by which the units found their lanes. */
  readonly viewNumber: number;
  #sizeBytes = 0;

  constructor(viewNumber: number) {
    this.viewNumber = viewNumber;
  }

  /** Whether a record of this size still goes in. The first always does. */
  hasRoom(sizeBytes: number, { requestRecordCountMax, requestSizeBytesMax }: Settings): boolean {
    return (
      this.units.length === 0 ||
      (this.units.length < requestRecordCountMax && this.#sizeBytes + sizeBytes <= requestSizeBytesMax)
    );
  }

  add(unit: PutUnit): void {
    this.units.push(unit);
    this.#sizeBytes += unit.sizeBytes;
    if (this.lanes.at(-1) !== unit.lane) this.lanes.push(unit.lane);
  }
}

/** Takes records from lanes. */
export class UnitTaker {
  readonly #settings: Settings;
  readonly #writer = new AggregatedRecordWriter();

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** Records are packed only where they are known to go to the same shard. */
  isAggregating(lane: Lane): boolean {
    return this.#settings.aggregation && lane.shardId !== undefined;
  }

  /** Whether so much waits that a record for the shard is filled. */
  isFull(lane: Lane): boolean {
    const { aggregateSizeBytesMax, aggregateRecordCountMax } = this.#settings;
    return (
      this.isAggregating(lane) &&
      (lane.queue.sizeBytes >= aggregateSizeBytesMax || lane.queue.count >= aggregateRecordCountMax)
    );
  }

  /** About how large the next unit will be, in bytes; not less than it will be. */
  nextSizeBytes(lane: Lane, first: QueuedRecord): number {
    if (!this.isAggregating(lane)) return first.sizeBytes;
    const packedBytes = lane.queue.sizeBytes + lane.queue.count * AGGREGATION_BYTES;
    const aggregateBytes = Math.min(this.#settings.aggregateSizeBytesMax, packedBytes);
    return Math.max(first.sizeBytes, aggregateBytes + first.partitionKeyBytes);
  }

  /**
   * Takes the first record off the lane, with as many behind it as fit into one. An aggregated record is put with the keys
   * of its first user record, which lead to the same shard, as AWS's aggregation libraries do. (The KPL writes "a" and
   * an explicit hash key in any case; no reader looks at either.)
   */
  take(lane: Lane): PutUnit | undefined {
    const { queue } = lane;
    const first = queue.shift();
    if (first === undefined) return undefined;
    const records = this.isAggregating(lane) ? this.#pack(lane, first) : [first];
    if (records.length === 1) {
      this.#writer.clear();
      const { partitionKey, explicitHashKey, data, sizeBytes } = first;
      return { records, lane, isAggregate: false, partitionKey, explicitHashKey, data, sizeBytes };
    }
    const data = this.#writer.finish();
    return {
      records,
      lane,
      isAggregate: true,
      partitionKey: first.partitionKey,
      explicitHashKey: first.explicitHashKey,
      data,
      sizeBytes: data.length + first.partitionKeyBytes,
    };
  }

  #pack({ queue }: Lane, first: QueuedRecord): QueuedRecord[] {
    const { aggregateSizeBytesMax, aggregateRecordCountMax } = this.#settings;
    const records = [first];
    if (!this.#writer.tryAdd(first, aggregateSizeBytesMax)) return records;
    while (records.length < aggregateRecordCountMax) {
      const next = queue.first;
      if (next === undefined || next.isAlone !== first.isAlone) break;
      if (!this.#writer.tryAdd(next, aggregateSizeBytesMax)) break;
      queue.shift();
      records.push(next);
    }
    return records;
  }
}
