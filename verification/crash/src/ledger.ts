/**
 * What the clients of one stream know: what they sent, what was acknowledged, what they have read, and which
 * shards they have seen closed. The checker compares it with what is there after a crash.
 */
import { keyOf, type RecordName } from "./payload.ts";

/** A broken promise, in the words of the promise. */
export interface Violation {
  readonly promise:
    | "acknowledged means durable"
    | "a shard is one total order"
    | "readers see only durable data"
    | "records are whole"
    | "a closed shard is closed"
    | "refused means not stored"
    | "the catalog is durable";
  readonly detail: string;
}

/** A record as a reader got it, its content already compared with what was sent. */
export interface ReadRecord {
  readonly sequenceNumber: string;
  readonly name: RecordName | { readonly torn: string };
  readonly sizeBytes: number;
  readonly arrivalMs: number;
}

export interface ClosedShard {
  readonly endingSequenceNumber: string;
  /** On the clock of this process, when the close was first seen. */
  readonly seenAtMs: number;
}

/** A request's records have consecutive ordinals of one producer. */
interface Producer {
  readonly sizes: number[];
  /** For each ordinal the first ordinal of its request. */
  readonly requests: number[];
}

export class Ledger {
  readonly #producers: Producer[] = [];
  /** By shard, then by sequence number. */
  readonly acknowledged = new Map<string, Map<string, RecordName>>();
  readonly refused = new Set<string>();
  readonly closed = new Map<string, ClosedShard>();
  /** By shard: everything that was read of it from its beginning, in order. */
  seen = new Map<string, ReadRecord[]>();
  /** What was found wrong while the load was running. */
  readonly violations: Violation[] = [];
  acknowledgedCount = 0;
  acknowledgedBytes = 0;

  newProducer(): number {
    this.#producers.push({ sizes: [], requests: [] });
    return this.#producers.length - 1;
  }

  /** Names the records of a request that is about to be sent. */
  send(producer: number, sizes: readonly number[]): RecordName[] {
    const known = this.#producer(producer);
    const request = known.sizes.length;
    return sizes.map((sizeBytes) => {
      const ordinal = known.sizes.length;
      known.sizes.push(sizeBytes);
      known.requests.push(request);
      return { producer, ordinal };
    });
  }

  acknowledge(name: RecordName, shardId: string, sequenceNumber: string, sentAtMs: number): void {
    let ofShard = this.acknowledged.get(shardId);
    if (ofShard === undefined) this.acknowledged.set(shardId, (ofShard = new Map()));
    const other = ofShard.get(sequenceNumber);
    if (other !== undefined) {
      this.violations.push({
        promise: "a shard is one total order",
        detail: `${sequenceNumber} of ${shardId} was given to ${keyOf(other)} and to ${keyOf(name)}`,
      });
    }
    const close = this.closed.get(shardId);
    if (close !== undefined && close.seenAtMs < sentAtMs) {
      this.violations.push({
        promise: "a closed shard is closed",
        detail: `${keyOf(name)}, sent after ${shardId} was seen closed, was acknowledged there as ${sequenceNumber}`,
      });
    }
    ofShard.set(sequenceNumber, name);
    this.acknowledgedCount += 1;
    this.acknowledgedBytes += this.sizeOf(name) ?? 0;
  }

  /** The service said that it did not store the record, and will not. */
  refuse(name: RecordName): void {
    this.refused.add(keyOf(name));
  }

  close(shardId: string, endingSequenceNumber: string, seenAtMs: number): void {
    const before = this.closed.get(shardId);
    if (before === undefined) this.closed.set(shardId, { endingSequenceNumber, seenAtMs });
    else if (before.endingSequenceNumber !== endingSequenceNumber) {
      this.violations.push({
        promise: "a closed shard is closed",
        detail: `${shardId} ended at ${before.endingSequenceNumber} and later at ${endingSequenceNumber}`,
      });
    }
  }

  /** What a record was sent with; undefined when nobody sent it. */
  sizeOf({ producer, ordinal }: RecordName): number | undefined {
    return this.#producers[producer]?.sizes[ordinal];
  }

  /** All records of the request that a record was sent with. */
  requestOf({ producer, ordinal }: RecordName): RecordName[] {
    const { requests } = this.#producer(producer);
    const first = requests[ordinal];
    const mates: RecordName[] = [];
    for (let at = first ?? 0; first !== undefined && requests[at] === first; at += 1) {
      mates.push({ producer, ordinal: at });
    }
    return mates;
  }

  #producer(producer: number): Producer {
    const known = this.#producers[producer];
    if (known === undefined) throw new Error(`there is no producer ${producer}`);
    return known;
  }
}
