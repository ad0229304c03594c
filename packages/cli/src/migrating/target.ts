/** The server that takes a copy in: the steps that it offers under `/_millrace/import/`. */
import type {
  BegunImport,
  ImportedSettings,
  ImportedShard,
  NumberPairs,
  NumbersWanted,
  ShardProgress,
  Translation,
} from "@millrace/server";
import type { Connection } from "../connection.ts";
import type { StreamRecord } from "../reading/shard-sources.ts";

export interface TargetName {
  readonly accountId: string;
  readonly region: string;
  readonly stream: string;
  readonly source: string;
}

export interface Target {
  readonly begin: (
    settings: ImportedSettings,
    shards: readonly ImportedShard[],
    numbers: NumbersWanted,
  ) => Promise<BegunImport>;
  readonly append: (
    shardId: string,
    after: string | undefined,
    records: readonly StreamRecord[],
  ) => Promise<void>;
  readonly digest: (
    shardId: string,
    from: string,
    to: string,
  ) => Promise<{ readonly recordCount: number; readonly digest: string }>;
  readonly finish: (shards: readonly ImportedShard[], progress: readonly ShardProgress[]) => Promise<void>;
  /** Which numbers became which, from behind `after` on. */
  readonly pairs: (shardId: string, after: string | undefined) => Promise<NumberPairs>;
  readonly translate: (shardId: string, number: string) => Promise<Translation>;
}

export function targetAt({ control }: Connection, name: TargetName): Target {
  const step = (path: string, body: object): Promise<unknown> =>
    control("POST", `import/${path}`, { ...name, ...body });
  return {
    begin: (settings, shards, numbers) =>
      step("begin", { settings, shards, numbers }) as ReturnType<Target["begin"]>,
    async append(shardId, after, records) {
      await step("records", { shardId, after, records: records.map(recordToSend) });
    },
    digest: (shardId, from, to) => step("digest", { shardId, from, to }) as ReturnType<Target["digest"]>,
    async finish(shards, progress) {
      await step("finish", { shards, progress });
    },
    pairs: (shardId, after) => step("pairs", { shardId, after }) as ReturnType<Target["pairs"]>,
    translate: (shardId, number) => step("translate", { shardId, number }) as ReturnType<Target["translate"]>,
  };
}

/** Arrivals are told in milliseconds; a fraction of one is an artefact of how the answer was written. */
export function arrivalOf({ ApproximateArrivalTimestamp }: StreamRecord): number {
  return Math.round(ApproximateArrivalTimestamp ?? 0);
}

function recordToSend(record: StreamRecord): object {
  return {
    sequenceNumber: record.SequenceNumber,
    arrivalMs: arrivalOf(record),
    ...(record.PartitionKey === undefined || record.PartitionKey === "" ? {} : { key: record.PartitionKey }),
    data: Buffer.from(record.Data).toString("base64"),
  };
}
