import type { HashKeyRange, LineageShard, SequenceNumberFormatter } from "@millrace/model";
import { formatSequenceNumber, formatShardId, sequenceNumberFormatter } from "@millrace/model";
import type { ShardThrottle } from "../throttle/shard-throttle.ts";
import type { ShardRow } from "./records.ts";

/** A shard as handlers see it. Follows the stored row; what is dear to make is made when first asked for. */
export class Shard implements LineageShard {
  readonly shardIndex: number;
  /** What is stored; replaced when the shard closes. */
  row: ShardRow;
  /** Limits' buckets; made at the shard's first use. */
  throttle: ShardThrottle | undefined;
  /** Shards that this one was split into or merged into, in order of creation. */
  readonly children: Shard[] = [];
  #shardId: string | undefined;
  #format: SequenceNumberFormatter | undefined;

  constructor(shardIndex: number, row: ShardRow) {
    this.shardIndex = shardIndex;
    this.row = row;
  }

  get shardId(): string {
    return (this.#shardId ??= formatShardId(this.shardIndex));
  }

  get parents(): readonly number[] {
    return this.row.parents;
  }

  get createdMs(): number {
    return this.row.createdMs;
  }

  get closedMs(): number | undefined {
    return this.row.closedMs;
  }

  get logId(): number {
    return this.row.logId;
  }

  get generation(): number {
    return this.row.generation;
  }

  get isOpen(): boolean {
    return this.row.closedMs === undefined;
  }

  get hashKeyRange(): HashKeyRange {
    return {
      startingHashKey: BigInt(`0x${this.row.startingHashKey}`),
      endingHashKey: BigInt(`0x${this.row.endingHashKey}`),
    };
  }

  /** The number of a record of this shard. */
  sequenceNumber(entryIndex: number, recordIndex: number): string {
    this.#format ??= sequenceNumberFormatter(this);
    return this.#format.text(entryIndex, recordIndex);
  }

  /** The same as digits in `target`, from `at` on. */
  writeSequenceNumber(target: Uint8Array, at: number, entryIndex: number, recordIndex: number): void {
    this.#format ??= sequenceNumberFormatter(this);
    this.#format.write(target, at, entryIndex, recordIndex);
  }

  /** Below the number of every record of this shard. */
  get startingSequenceNumber(): string {
    return this.row.imported?.startingSequenceNumber ?? this.ownStartingSequenceNumber;
  }

  /** Below the number of every record that was put here, and above all numbers that records brought along. */
  get ownStartingSequenceNumber(): string {
    return formatSequenceNumber({ ...this.#fields(), entryIndex: 0, recordIndex: 0 });
  }

  /** Above the number of every record; `endIndex` is the end of the shard's closed log. */
  endingSequenceNumber(endIndex: number): string {
    return (
      this.row.imported?.endingSequenceNumber ??
      formatSequenceNumber({ ...this.#fields(), entryIndex: endIndex, recordIndex: 0 })
    );
  }

  #fields(): { generation: number; shardIndex: number } {
    return { generation: this.generation, shardIndex: this.shardIndex };
  }
}
