/** Leases of the KCL, as items of its table, told in the numbers of a copy. */
import { leaseFromItem, type LeaseItem } from "@millrace/consumer";
import { parseArn } from "@millrace/model";
import type { Target } from "./target.ts";

/** A stream that was copied, as its leases have to know it. */
export interface CopiedStream {
  readonly streamName: string;
  readonly sourceArn: string;
  /** Whose the copy is. */
  readonly accountId: string;
  /** Milliseconds since the epoch; the copy keeps it. */
  readonly createdMs: number;
  readonly shardIds: ReadonlySet<string>;
  readonly isRenumbered: boolean;
  readonly target: Pick<Target, "translate">;
}

/** A lease whose shard the copy has. */
export interface PlacedLease {
  readonly item: LeaseItem;
  readonly stream: CopiedStream;
  readonly shardId: string;
}

/**
 * Behind all user records of a record: that one is handled as a whole. The KCL takes it for a 64-bit number, and no record holds so
 * many.
 */
const WHOLE_RECORD = 2_147_483_647;

const WORDS: ReadonlySet<string> = new Set(["TRIM_HORIZON", "LATEST", "AT_TIMESTAMP", "SHARD_END"]);

/**
 * The stream and shard of a lease; undefined when it is of a shard that none of the streams has. An application of one stream names the
 * shard alone, one of several `account:stream:creation second:shard`.
 */
export function placeOf(item: LeaseItem, streams: readonly CopiedStream[]): PlacedLease | undefined {
  const lease = leaseFromItem(item);
  if (lease === undefined) return undefined;
  const { leaseKey, ofStream } = lease;
  const stream =
    ofStream === undefined && !leaseKey.includes(":")
      ? // Which of several it is nobody could tell.
        streams.length === 1
        ? streams[0]
        : undefined
      : streams.find((one) => leaseKey.startsWith(`${identifierOf(one, accountAtSource(one))}:`));
  const shardId = leaseKey.slice(leaseKey.lastIndexOf(":") + 1);
  return stream?.shardIds.has(shardId) === true ? { item, stream, shardId } : undefined;
}

export interface TranslatedLease {
  readonly item: LeaseItem;
  /** A place in it has another number now. */
  readonly isTranslated: boolean;
}

/**
 * The item as the target's table is to have it. Nobody owns it: its worker is not there, and a lease without an owner is taken at once,
 * where one whose owner is silent is left alone until it is taken to be dead.
 */
export async function translatedLease({ item, stream, shardId }: PlacedLease): Promise<TranslatedLease> {
  const { leaseOwner: _owner, checkpointOwner: _checkpointOwner, ...rest } = item;
  const numbered: Record<string, LeaseItem[string]> = { ...rest };
  let isTranslated = false;
  for (const name of stream.isRenumbered ? (["checkpoint", "pendingCheckpoint"] as const) : []) {
    const value = item[name];
    if (value === undefined || !("S" in value) || value.S === "" || WORDS.has(value.S)) continue;
    const { sequenceNumber, isExact } = await stream.target.translate(shardId, value.S);
    numbered[name] = { S: sequenceNumber ?? "TRIM_HORIZON" };
    if (!isExact) {
      // The record is not the one that the checkpoint was in, so that one's user records say nothing.
      const whole = sequenceNumber === undefined ? 0 : WHOLE_RECORD;
      numbered[`${name}SubSequenceNumber`] = { N: String(whole) };
    }
    isTranslated = true;
  }
  return { item: { ...numbered, ...keysAtTarget(item, stream, shardId) }, isTranslated };
}

/** Leases of several streams name the account, which may be another at the target. */
function keysAtTarget(item: LeaseItem, stream: CopiedStream, shardId: string): LeaseItem {
  const identifier = identifierOf(stream, stream.accountId);
  const leaseKey = item["leaseKey"];
  const isOfSeveral = leaseKey !== undefined && "S" in leaseKey && leaseKey.S !== shardId;
  return isOfSeveral
    ? {
        leaseKey: { S: `${identifier}:${shardId}` },
        ...(item["streamName"] === undefined ? {} : { streamName: { S: identifier } }),
      }
    : {};
}

function identifierOf({ streamName, createdMs }: CopiedStream, accountId: string): string {
  return `${accountId}:${streamName}:${Math.floor(createdMs / 1_000)}`;
}

function accountAtSource({ sourceArn }: CopiedStream): string {
  return parseArn(sourceArn)?.accountId ?? "";
}
