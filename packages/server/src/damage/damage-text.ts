/** Damage of a data directory in the words of whoever put the records: stream, shard and sequence numbers. */
import type { Damage, DamagedJournalError, MissingEntries } from "@millrace/log";
import { sequenceNumberOfEntry, shardsByLog, storedStreams } from "@millrace/streams";
import type { StoredShard } from "@millrace/streams";

/** What is wrong, as the journal found it, with the keyed state by which logs are named. */
export interface DamageFound {
  readonly damage: readonly Damage[];
  readonly missing: readonly MissingEntries[];
  readonly state: ReadonlyMap<string, string>;
}

/** Records that cannot be read. Without a shard they belong to none that there is. */
export interface LostRecords {
  readonly shard: Pick<StoredShard, "accountId" | "region" | "streamName" | "shardId"> | undefined;
  readonly fromSequenceNumber: string | undefined;
  /** The first number that is not lost. */
  readonly toSequenceNumber: string | undefined;
  /** The same as entries of a log, `toIndex` not included. */
  readonly entries: MissingEntries;
}

/** Says for entries which records they hold. */
export function recordsNamer(state: ReadonlyMap<string, string>): (entries: MissingEntries) => LostRecords {
  const shards = shardsByLog(storedStreams(state));
  return (entries) => {
    const shard = shards.get(entries.logId);
    if (shard === undefined) {
      return { shard, fromSequenceNumber: undefined, toSequenceNumber: undefined, entries };
    }
    const { accountId, region, streamName, shardId } = shard;
    return {
      shard: { accountId, region, streamName, shardId },
      fromSequenceNumber: sequenceNumberOfEntry(shard, entries.fromIndex),
      toSequenceNumber: sequenceNumberOfEntry(shard, entries.toIndex),
      entries,
    };
  };
}

/** `clicks shardId-000000000000 (123456789012, us-east-1), sequence numbers from … up to, not including, …` */
export function recordsText(lost: LostRecords): string {
  const { shard, entries, fromSequenceNumber, toSequenceNumber } = lost;
  if (shard === undefined) {
    return `log ${entries.logId}, which no stream has any more, entries ${entries.fromIndex} to ${entries.toIndex - 1}`;
  }
  return `${shardText(lost)}, sequence numbers from ${fromSequenceNumber} up to, not including, ${toSequenceNumber}`;
}

/** `clicks shardId-000000000000 (123456789012, us-east-1)` */
export function shardText({ shard, entries }: LostRecords): string {
  if (shard === undefined) return `log ${entries.logId}, which no stream has any more`;
  return `${shard.streamName} ${shard.shardId} (${shard.accountId}, ${shard.region})`;
}

/** One line for each place that is damaged and each range that is lost. */
export function damageLines({ damage, missing, state }: DamageFound): string[] {
  const named = recordsNamer(state);
  return [
    ...damage.map(({ path, detail, entries }) =>
      entries === undefined
        ? `${path}: ${detail}`
        : `${path}: the checksum is wrong of ${recordsText(named(entries))}`,
    ),
    ...missing.map((entries) => `lost: ${recordsText(named(entries))}`),
    ...(damage.some(({ commits }) => commits !== undefined)
      ? ["Damaged commits may also have held the newest records of any shard."]
      : []),
  ];
}

const LINES_MAX = 20;

/** What was acknowledged cannot be read, so the server does not start. The message says what, and what to do. */
export class DamagedDataError extends Error {
  override readonly name = "DamagedDataError";
  readonly found: DamageFound;

  constructor(directory: string, cause: DamagedJournalError) {
    const found = { damage: cause.damage, missing: cause.holes, state: cause.state };
    const lines = damageLines(found);
    const more = lines.length - LINES_MAX;
    super(
      [
        `the data directory ${directory} is damaged below what was acknowledged. Nothing was changed.`,
        ...lines.slice(0, LINES_MAX).map((line) => `  ${line}`),
        ...(more > 0
          ? [`  and ${more} more; \`millrace data verify --data-dir ${directory}\` lists them all`]
          : []),
        "Restore a backup with `millrace data restore`; or give up what is lost with " +
          `\`millrace data repair --accept-loss --data-dir ${directory}\`: reads in it then fail and name it.`,
      ].join("\n"),
      { cause },
    );
    this.found = found;
  }
}
