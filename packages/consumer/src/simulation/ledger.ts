/** What happened in a simulation, and what must not have. */
import {
  comparePlaces,
  type ExtendedSequenceNumber,
  isRecordPlace,
} from "../leases/extended-sequence-number.ts";
import { actualOwner, isFinished, type Lease } from "../leases/lease.ts";
import type { LeaseStore } from "../leases/lease-store.ts";
import type { LeaseWrite } from "../leases/lease-write.ts";
import type { ConsumerRecord } from "../retrieval/user-records.ts";
import type { FakeKinesis, FakeRecord, FakeShard } from "./fake-kinesis.ts";

export class Ledger {
  readonly #kinesis: FakeKinesis;
  readonly #store: LeaseStore;
  /** The sub-sequence numbers of each record of each shard that somebody has dealt with. */
  readonly #done = new Map<string, Map<string, Set<number>>>();
  readonly #inHand = new Set<string>();
  readonly problems: string[] = [];
  deliveryCount = 0;
  refusedCount = 0;
  handOffCount = 0;
  takenCount = 0;

  constructor(kinesis: FakeKinesis, store: LeaseStore) {
    this.#kinesis = kinesis;
    this.#store = store;
  }

  /** A worker begins to deal with a record. */
  async begin(worker: string, shardId: string, record: ConsumerRecord): Promise<void> {
    this.deliveryCount += 1;
    const hand = `${worker} ${record.partitionKey}`;
    if (this.#inHand.has(hand)) this.problems.push(`order: ${hand} is handled twice at once`);
    this.#inHand.add(hand);
    const shard = this.#kinesis.shard(shardId);
    for (const parentId of shard.parents) {
      const parent = this.#kinesis.shard(parentId);
      const missing = parent.records.find((one) => !this.#isDone(parent, one));
      if (missing !== undefined) {
        this.problems.push(`parents: ${shardId} is read before ${missing.sequenceNumber} of ${parentId}`);
      }
      const lease = await this.#store.get(parentId);
      if (lease !== undefined && !isFinished(lease)) {
        this.problems.push(`parents: ${shardId} is read before ${parentId} is finished`);
      }
    }
  }

  /** A worker has dealt with a record. */
  end(worker: string, shardId: string, record: ConsumerRecord): void {
    this.#inHand.delete(`${worker} ${record.partitionKey}`);
    const { sequenceNumber, subSequenceNumber } = record;
    let ofShard = this.#done.get(shardId);
    if (ofShard === undefined) this.#done.set(shardId, (ofShard = new Map()));
    const done = ofShard.get(sequenceNumber);
    if (done === undefined) ofShard.set(sequenceNumber, new Set([subSequenceNumber]));
    else done.add(subSequenceNumber);
  }

  /** Looks at a write that took place. */
  written(worker: string, write: LeaseWrite, before: Lease, after: Lease): void {
    const { leaseKey, changes } = write;
    if (changes.checkpoint !== undefined) {
      if (actualOwner(before) !== worker) {
        this.problems.push(
          `owner: ${worker} stored a checkpoint of ${leaseKey}, which ${actualOwner(before)} has`,
        );
      }
      if (comparePlaces(after.checkpoint, before.checkpoint) < 0) {
        this.problems.push(`order: the checkpoint of ${leaseKey} went back`);
      }
      this.#checkCovered(leaseKey, after.checkpoint);
      if (isFinished(after)) void this.#checkChildren(leaseKey);
    }
    const [from, to] = [actualOwner(before), actualOwner(after)];
    if (from !== to && from !== undefined && to !== undefined) {
      if (worker === from) this.handOffCount += 1;
      else this.takenCount += 1;
    }
  }

  /** What is still to be dealt with, or to be stored as dealt with. */
  async unfinished(): Promise<string[]> {
    const left: string[] = [];
    for (const shard of this.#kinesis.shards) {
      const missing = shard.records.filter((record) => !this.#isDone(shard, record));
      if (missing.length > 0)
        left.push(`${shard.shardId}: ${missing.length} records of ${shard.records.length}`);
      const lease = await this.#store.get(shard.shardId);
      if (shard.children.length > 0) {
        if (lease !== undefined && !isFinished(lease)) left.push(`${shard.shardId} is not finished`);
      } else if (lease === undefined) {
        left.push(`${shard.shardId} has no lease`);
      }
    }
    return left;
  }

  #checkCovered(shardId: string, place: ExtendedSequenceNumber): void {
    const shard = this.#kinesis.shard(shardId);
    for (const record of shard.records) {
      const { sequenceNumber } = record;
      if (isRecordPlace(place) && comparePlaces({ sequenceNumber, subSequenceNumber: 0 }, place) > 0)
        continue;
      const isCut = place.sequenceNumber === sequenceNumber;
      if (this.#isDone(shard, record, isCut ? place.subSequenceNumber + 1 : record.userRecordCount)) continue;
      this.problems.push(
        `skipped: something in ${sequenceNumber} of ${shardId} is covered by ${place.sequenceNumber}.${place.subSequenceNumber}`,
      );
      return;
    }
  }

  async #checkChildren(shardId: string): Promise<void> {
    for (const child of this.#kinesis.shard(shardId).children) {
      if ((await this.#store.get(child.shardId)) === undefined) {
        this.problems.push(`children: ${shardId} is finished and ${child.shardId} has no lease`);
      }
    }
  }

  #isDone(
    { shardId }: FakeShard,
    { sequenceNumber, userRecordCount }: FakeRecord,
    count = userRecordCount,
  ): boolean {
    const done = this.#done.get(shardId)?.get(sequenceNumber);
    if (done === undefined) return false;
    for (let place = 0; place < count; place += 1) if (!done.has(place)) return false;
    return true;
  }
}
