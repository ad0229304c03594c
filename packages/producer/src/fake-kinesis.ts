/** A stream for tests: just enough of the service, with every answer open to change, and what was stored in sight. */
import type { ClientTransport, TransportRequest, TransportResponse } from "@millrace/client";
import {
  areAdjacent,
  contains,
  formatShardId,
  type HashKey,
  type HashKeyRange,
  mergeRanges,
  readAggregatedRecord,
  sizeOf,
  splitRange,
  tileRing,
} from "@millrace/model";
import { type KeyedRecord, hashKeyOfRecord } from "./stream-view.ts";

export interface FakeShard {
  readonly shardId: string;
  readonly range: HashKeyRange;
  isOpen: boolean;
}

export interface FakeRecord extends KeyedRecord {
  readonly shardId: string;
  readonly sequenceNumber: string;
  readonly data: Buffer;
  /** Which PutRecords request brought it, from 0. */
  readonly requestNumber: number;
}

/** A user record as a consumer of the KCL sees it. */
export interface SeenRecord {
  readonly shardId: string;
  readonly sequenceNumber: string;
  readonly subSequenceNumber: number | undefined;
  readonly partitionKey: string;
  readonly data: string;
}

type Body = Record<string, unknown>;
interface PutEntry {
  readonly PartitionKey: string;
  readonly ExplicitHashKey?: string;
  readonly Data: string;
}

export class ServiceFault extends Error {
  readonly code: string;

  constructor(code: string, message = "") {
    super(message);
    this.code = code;
  }
}

export class FakeKinesis implements ClientTransport {
  readonly authority = "localhost";
  readonly shards: FakeShard[];
  readonly records: FakeRecord[] = [];
  /** Bodies of the PutRecords requests. */
  readonly requests: { readonly Records: readonly PutEntry[] }[] = [];
  readonly calls: string[] = [];
  isAutomatic = false;
  maxRecordSizeKiB = 1_024;
  /** Throws, or resolves, before a call is carried out. */
  before: (operation: string, body: Body) => void | Promise<void> = () => undefined;
  /** An error code keeps a record from being stored. */
  refuse: (entry: PutEntry, index: number) => string | undefined = () => undefined;

  constructor(shardCount = 1) {
    this.shards = tileRing(shardCount).map((range, index) => ({
      shardId: formatShardId(index),
      range,
      isOpen: true,
    }));
  }

  async send({ headers, body, signal }: TransportRequest): Promise<TransportResponse> {
    const operation = (headers["x-amz-target"] ?? "").replace(/^.*\./, "");
    this.calls.push(operation);
    const input = JSON.parse(Buffer.from(body).toString("utf8")) as Body;
    try {
      await unlessAborted(Promise.resolve(this.before(operation, input)), signal);
      return answer(200, this.#carryOut(operation, input));
    } catch (failure) {
      if (!(failure instanceof ServiceFault)) throw failure;
      return answer(400, { __type: failure.code, message: failure.message });
    }
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  split(shardId: string): void {
    const parent = this.#close(shardId);
    const halves = splitRange(parent.range, parent.range.startingHashKey + sizeOf(parent.range) / 2n) ?? [];
    for (const range of halves) this.#open(range);
  }

  merge(lowerId: string, upperId: string): void {
    const [lower, upper] = [this.#close(lowerId), this.#close(upperId)];
    if (!areAdjacent(lower.range, upper.range)) throw new Error("these shards are no neighbours");
    this.#open(mergeRanges(lower.range, upper.range) as HashKeyRange);
  }

  /**
   * What the KCL sees, in order of sequence numbers: nothing of an aggregated record in which there is a user record that
   * does not belong into the shard.
   */
  seen(): SeenRecord[] {
    return this.records.flatMap(
      ({ shardId, sequenceNumber, partitionKey, explicitHashKey, data }): SeenRecord[] => {
        const userRecords = readAggregatedRecord(data);
        const { range } = this.shards.find((shard) => shard.shardId === shardId) as FakeShard;
        if (userRecords === undefined) {
          const place = hashKeyOfRecord({ partitionKey, explicitHashKey });
          if (!contains(range, place)) throw new Error("the fake put a record into a wrong shard");
          return [
            { shardId, sequenceNumber, subSequenceNumber: undefined, partitionKey, data: data.toString() },
          ];
        }
        if (!userRecords.every((userRecord) => contains(range, hashKeyOfRecord(userRecord)))) return [];
        return userRecords.map((userRecord) => ({
          shardId,
          sequenceNumber,
          subSequenceNumber: userRecord.subSequenceNumber,
          partitionKey: userRecord.partitionKey,
          data: Buffer.from(userRecord.data).toString(),
        }));
      },
    );
  }

  #carryOut(operation: string, input: Body): object {
    if (operation === "DescribeStreamSummary") {
      return {
        StreamDescriptionSummary: {
          StreamName: "clicks",
          StreamARN: "arn:aws:kinesis:us-east-1:000000000000:stream/clicks",
          StreamStatus: "ACTIVE",
          RetentionPeriodHours: 24,
          StreamCreationTimestamp: 1,
          EnhancedMonitoring: [],
          OpenShardCount: 1,
          MaxRecordSizeInKiB: this.maxRecordSizeKiB,
          RecordDistributionStrategy: this.isAutomatic ? "AUTO" : "USER_PARTITION_KEY",
        },
      };
    }
    if (operation === "ListShards") return this.#listShards(input);
    if (operation !== "PutRecords") throw new ServiceFault("UnknownOperationException", operation);
    this.requests.push(input as (typeof this.requests)[number]);
    const entries = (input as { Records: PutEntry[] }).Records.map((entry, index) => this.#put(entry, index));
    return { FailedRecordCount: entries.filter((entry) => "ErrorCode" in entry).length, Records: entries };
  }

  /** Two shards to a page, so that pages are always followed. */
  #listShards({ ShardFilter, NextToken }: { ShardFilter?: { Type: string }; NextToken?: string }): object {
    const [kind, start] = NextToken?.split(" ") ?? [ShardFilter?.Type === "AT_LATEST" ? "open" : "all", "0"];
    const listed = this.shards.filter(({ isOpen }) => isOpen || kind === "all");
    const from = Number(start);
    return {
      Shards: listed.slice(from, from + 2).map(({ shardId, range }) => ({
        ShardId: shardId,
        HashKeyRange: {
          StartingHashKey: range.startingHashKey.toString(),
          EndingHashKey: range.endingHashKey.toString(),
        },
        SequenceNumberRange: { StartingSequenceNumber: "1" },
      })),
      ...(from + 2 < listed.length ? { NextToken: `${kind} ${from + 2}` } : {}),
    };
  }

  #put(entry: PutEntry, index: number): object {
    const errorCode = this.refuse(entry, index);
    if (errorCode !== undefined) return { ErrorCode: errorCode, ErrorMessage: "no" };
    const keys = { partitionKey: entry.PartitionKey, explicitHashKey: entry.ExplicitHashKey };
    const shardId = this.isAutomatic
      ? formatShardId(this.records.length % this.shards.length)
      : this.#shardOf(hashKeyOfRecord(keys)).shardId;
    const sequenceNumber = String(1_000_000 + this.records.length);
    const data = Buffer.from(entry.Data, "base64");
    this.records.push({ ...keys, shardId, sequenceNumber, data, requestNumber: this.requests.length - 1 });
    return { ShardId: shardId, SequenceNumber: sequenceNumber };
  }

  #shardOf(place: HashKey): FakeShard {
    return this.shards.find(({ isOpen, range }) => isOpen && contains(range, place)) as FakeShard;
  }

  #close(shardId: string): FakeShard {
    const shard = this.shards.find((one) => one.shardId === shardId && one.isOpen);
    if (shard === undefined) throw new Error(`${shardId} is not open`);
    shard.isOpen = false;
    return shard;
  }

  #open(range: HashKeyRange): void {
    this.shards.push({ shardId: formatShardId(this.shards.length), range, isOpen: true });
  }
}

function answer(status: number, body: object): TransportResponse {
  return {
    status,
    headers: { "content-type": "application/x-amz-json-1.1" },
    body: (async function* () {
      yield Buffer.from(JSON.stringify(body));
    })(),
  };
}

function unlessAborted(work: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
    work.then(resolve, reject);
  });
}
