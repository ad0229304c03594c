/** A stream for tests: it stores what is put, and fails when it is told to. */
import { ServiceError } from "@millrace/api";
import type { KinesisClient } from "@millrace/client";
import { contains, formatShardId, hashKeyOf, readAggregatedRecord, tileRing } from "@millrace/model";
import type { Clock } from "@millrace/runtime";

interface PutInput {
  readonly Records: readonly { readonly PartitionKey: string; readonly Data: Uint8Array }[];
}

export interface StoredRecord {
  readonly shardId: string;
  readonly partitionKey: string;
  readonly data: string;
}

export class FakeStream {
  /** User records in the order in which they were stored. */
  readonly stored: StoredRecord[] = [];
  /** The user records of each record that was stored, in order. */
  readonly puts: string[][] = [];
  /** Decides what becomes of a request: nothing, an error before it is carried out, or one after it. */
  fault: () => "before" | "after" | undefined = () => undefined;
  /** Whether the service takes no request with this record in it, since it finds fault with it. */
  isRefused: (data: string) => boolean = () => false;
  readonly #shards: readonly {
    readonly shardId: string;
    readonly range: ReturnType<typeof tileRing>[number];
  }[];

  constructor(shardCount = 1) {
    this.#shards = tileRing(shardCount).map((range, index) => ({ shardId: formatShardId(index), range }));
  }

  get lines(): string[] {
    return this.stored.map(({ data }) => data.replace(/\n$/, ""));
  }

  /** A client of one process: requests take a while on its clock. */
  client(clock: Clock): KinesisClient {
    const client = {
      describeStreamSummary: async () => {
        await clock.sleep(1);
        return { StreamDescriptionSummary: { MaxRecordSizeInKiB: 1_024 } };
      },
      listShards: async () => {
        await clock.sleep(1);
        return {
          Shards: this.#shards.map(({ shardId, range }) => ({
            ShardId: shardId,
            HashKeyRange: {
              StartingHashKey: range.startingHashKey.toString(),
              EndingHashKey: range.endingHashKey.toString(),
            },
          })),
        };
      },
      putRecords: async (input: PutInput) => {
        await clock.sleep(2);
        const fault = this.fault();
        if (fault === "before") throw new Error("connection refused");
        if (input.Records.some(({ Data }) => this.#textsOf(Data).some((text) => this.isRefused(text)))) {
          throw new ServiceError("ValidationException", "no", { status: 400 });
        }
        const Records = input.Records.map((entry) => this.#put(entry));
        await clock.sleep(2);
        if (fault === "after") throw new Error("connection reset");
        return { Records };
      },
    };
    // The producer calls nothing else.
    return client as unknown as KinesisClient;
  }

  #put({ PartitionKey, Data }: PutInput["Records"][number]): object {
    const place = hashKeyOf(Buffer.from(PartitionKey));
    const shardId = this.#shards.find(({ range }) => contains(range, place))?.shardId ?? "";
    const records = readAggregatedRecord(Data) ?? [{ partitionKey: PartitionKey }];
    const texts = this.#textsOf(Data);
    this.puts.push(texts);
    for (const [index, data] of texts.entries()) {
      this.stored.push({ shardId, partitionKey: records[index]?.partitionKey ?? "", data });
    }
    return { ShardId: shardId, SequenceNumber: String(this.stored.length) };
  }
  #textsOf(data: Uint8Array): string[] {
    return (readAggregatedRecord(data) ?? [{ data }]).map((record) => Buffer.from(record.data).toString());
  }
}
