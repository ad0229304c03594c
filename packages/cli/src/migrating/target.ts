/** The server that takes a copy in: the steps that it offers under `/_millrace/import/`. */
import type { ImportedSettings, ImportedShard, ShardProgress } from "@millrace/server";
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
  ) => Promise<{ readonly isFinished: boolean; readonly shards: readonly ShardProgress[] }>;
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
}

export function targetAt({ control }: Connection, name: TargetName): Target {
  const step = (path: string, body: object): Promise<unknown> =>
    control("POST", `import/${path}`, { ...name, ...body });
  return {
    begin: (settings, shards) => step("begin", { settings, shards }) as ReturnType<Target["begin"]>,
    async append(shardId, after, records) {
      await step("records", { shardId, after, records: records.map(recordToSend) });
    },
    digest: (shardId, from, to) => step("digest", { shardId, from, to }) as ReturnType<Target["digest"]>,
    async finish(shards, progress) {
      await step("finish", { shards, progress });
    },
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
