/**
 * Leases as items of a DynamoDB table, in the form of the Kinesis Client Library 3.5, so that its workers and
 * ours share a table. Values are DynamoDB's JSON: `{ S: "…" }`, `{ N: "1" }`, `{ SS: [ … ] }`, `{ B: bytes }`.
 */
import { parseHashKey } from "@millrace/model";
import type { ExtendedSequenceNumber } from "./extended-sequence-number.ts";
import type { Lease } from "./lease.ts";
import type { LeaseWrite } from "./lease-write.ts";

/** An attribute as DynamoDB writes it: a text, a number in decimal digits, a set of texts, or bytes. */
export type AttributeValue =
  | { readonly S: string }
  | { readonly N: string }
  | { readonly SS: readonly string[] }
  | { readonly B: Uint8Array };

/** A lease as an item of the KCL's table. */
export type LeaseItem = { readonly [attribute: string]: AttributeValue };

/** The members of DynamoDB's UpdateItem that a write decides. */
export interface LeaseUpdate {
  readonly Key: LeaseItem;
  readonly Expected: {
    readonly [attribute: string]:
      | { readonly Value: AttributeValue }
      | { readonly Exists: true; readonly Value: AttributeValue }
      | { readonly Exists: false };
  };
  readonly AttributeUpdates: {
    readonly [attribute: string]:
      | { readonly Action: "PUT" | "ADD"; readonly Value: AttributeValue }
      | { readonly Action: "DELETE" };
  };
  readonly ReturnValues: "ALL_NEW";
  readonly ReturnValuesOnConditionCheckFailure: "ALL_OLD";
}

const text = (value: string): AttributeValue => ({ S: value });
const number = (value: number): AttributeValue => ({ N: String(value) });

/** A lease that is created, as the item of a PutItem that expects `leaseKey` not to exist. */
export function leaseToItem(lease: Lease): LeaseItem {
  const { leaseOwner, checkpointOwner, pendingCheckpoint, pendingCheckpointState } = lease;
  const { hashKeyRange, throughputKBps, ofStream } = lease;
  return {
    leaseKey: text(lease.leaseKey),
    leaseCounter: number(lease.leaseCounter),
    ...(leaseOwner === undefined ? {} : { leaseOwner: text(leaseOwner) }),
    ownerSwitchesSinceCheckpoint: number(lease.ownerSwitchesSinceCheckpoint),
    ...placeAttributes("checkpoint", lease.checkpoint),
    // DynamoDB has no empty sets.
    ...(lease.parentShardIds.length === 0 ? {} : { parentShardId: { SS: lease.parentShardIds } }),
    ...(lease.childShardIds.length === 0 ? {} : { childShardIds: { SS: lease.childShardIds } }),
    ...(pendingCheckpoint === undefined ? {} : placeAttributes("pendingCheckpoint", pendingCheckpoint)),
    ...(pendingCheckpointState === undefined
      ? {}
      : { pendingCheckpointState: { B: pendingCheckpointState } }),
    ...(hashKeyRange === undefined ? {} : rangeAttributes(hashKeyRange)),
    ...(throughputKBps === undefined ? {} : { throughputKBps: number(throughputKBps) }),
    ...(checkpointOwner === undefined ? {} : { checkpointOwner: text(checkpointOwner) }),
    ...(ofStream === undefined ? {} : streamAttributes(ofStream)),
    entityType: text("LEASE"),
  };
}

/**
 * The lease in an item of the table; undefined for items of other kinds, which the KCL since 3.5 may keep in the
 * same table. Items without `entityType` are leases that an older one wrote.
 *
 * @throws {TypeError} when the item says that it is a lease and has no key or no checkpoint.
 */
export function leaseFromItem(item: LeaseItem): Lease | undefined {
  const entityType = readText(item, "entityType");
  if (entityType !== undefined && entityType !== "LEASE") return undefined;
  const leaseKey = readText(item, "leaseKey");
  const checkpoint = readPlace(item, "checkpoint");
  if (leaseKey === undefined || checkpoint === undefined) {
    throw new TypeError(
      `an item is no lease: it has no ${leaseKey === undefined ? "leaseKey" : "checkpoint"}`,
    );
  }
  const startingHashKey = parseHashKey(readText(item, "startingHashKey") ?? "");
  const endingHashKey = parseHashKey(readText(item, "endingHashKey") ?? "");
  const streamIdentifier = readText(item, "streamName");
  const shardId = readText(item, "shardId");
  const state = item["pendingCheckpointState"];
  return {
    leaseKey,
    leaseOwner: readText(item, "leaseOwner"),
    leaseCounter: readNumber(item, "leaseCounter") ?? 0,
    ownerSwitchesSinceCheckpoint: readNumber(item, "ownerSwitchesSinceCheckpoint") ?? 0,
    checkpoint,
    pendingCheckpoint: readPlace(item, "pendingCheckpoint"),
    pendingCheckpointState: state !== undefined && "B" in state ? state.B : undefined,
    parentShardIds: readTexts(item, "parentShardId"),
    childShardIds: readTexts(item, "childShardIds"),
    hashKeyRange:
      startingHashKey === undefined || endingHashKey === undefined
        ? undefined
        : { startingHashKey, endingHashKey },
    throughputKBps: readNumber(item, "throughputKBps"),
    checkpointOwner: readText(item, "checkpointOwner"),
    ofStream:
      streamIdentifier === undefined || shardId === undefined ? undefined : { streamIdentifier, shardId },
  };
}

/** A write as the legacy conditions of UpdateItem, which every version of the KCL uses for its leases. */
export function leaseWriteToUpdate(write: LeaseWrite): LeaseUpdate {
  const { leaseKey, expected, changes } = write;
  const expectations: Record<string, LeaseUpdate["Expected"][string]> = {};
  if (expected.exists === true) expectations["leaseKey"] = { Exists: true, Value: text(leaseKey) };
  if (expected.leaseCounter !== undefined) {
    expectations["leaseCounter"] = { Value: number(expected.leaseCounter) };
  }
  for (const name of ["leaseOwner", "checkpointOwner"] as const) {
    const owner = expected[name];
    if (owner !== undefined) expectations[name] = owner === null ? { Exists: false } : { Value: text(owner) };
  }

  const updates: Record<string, LeaseUpdate["AttributeUpdates"][string]> = {};
  const put = (attributes: LeaseItem): void => {
    for (const [name, value] of Object.entries(attributes)) updates[name] = { Action: "PUT", Value: value };
  };
  for (const name of ["leaseCounter", "ownerSwitchesSinceCheckpoint"] as const) {
    const change = changes[name];
    if (change === "increment") updates[name] = { Action: "ADD", Value: number(1) };
    else if (change !== undefined) put({ [name]: number(change) });
  }
  for (const name of ["leaseOwner", "checkpointOwner"] as const) {
    const owner = changes[name];
    if (owner === null) updates[name] = { Action: "DELETE" };
    else if (owner !== undefined) put({ [name]: text(owner) });
  }
  if (changes.throughputKBps !== undefined) put({ throughputKBps: number(changes.throughputKBps) });
  if (changes.checkpoint !== undefined) put(placeAttributes("checkpoint", changes.checkpoint));
  if (changes.pendingCheckpoint === null) {
    for (const name of [
      "pendingCheckpoint",
      "pendingCheckpointSubSequenceNumber",
      "pendingCheckpointState",
    ]) {
      updates[name] = { Action: "DELETE" };
    }
  }
  if (changes.childShardIds !== undefined) put({ childShardIds: { SS: changes.childShardIds } });
  if (changes.hashKeyRange !== undefined) put(rangeAttributes(changes.hashKeyRange));
  if (changes.ofStream !== undefined) put(streamAttributes(changes.ofStream));
  return {
    Key: { leaseKey: text(leaseKey) },
    Expected: expectations,
    AttributeUpdates: updates,
    ReturnValues: "ALL_NEW",
    ReturnValuesOnConditionCheckFailure: "ALL_OLD",
  };
}

function placeAttributes(name: "checkpoint" | "pendingCheckpoint", place: ExtendedSequenceNumber): LeaseItem {
  return {
    [name]: text(place.sequenceNumber),
    [`${name}SubSequenceNumber`]: number(place.subSequenceNumber),
  };
}

function rangeAttributes(range: NonNullable<Lease["hashKeyRange"]>): LeaseItem {
  return {
    startingHashKey: text(String(range.startingHashKey)),
    endingHashKey: text(String(range.endingHashKey)),
  };
}

function streamAttributes({ streamIdentifier, shardId }: NonNullable<Lease["ofStream"]>): LeaseItem {
  return { streamName: text(streamIdentifier), shardId: text(shardId) };
}

function readPlace(
  item: LeaseItem,
  name: "checkpoint" | "pendingCheckpoint",
): ExtendedSequenceNumber | undefined {
  const sequenceNumber = readText(item, name);
  if (sequenceNumber === undefined || sequenceNumber === "") return undefined;
  return { sequenceNumber, subSequenceNumber: readNumber(item, `${name}SubSequenceNumber`) ?? 0 };
}

function readText(item: LeaseItem, name: string): string | undefined {
  const value = item[name];
  return value !== undefined && "S" in value ? value.S : undefined;
}

function readNumber(item: LeaseItem, name: string): number | undefined {
  const value = item[name];
  return value !== undefined && "N" in value ? Number(value.N) : undefined;
}

function readTexts(item: LeaseItem, name: string): readonly string[] {
  const value = item[name];
  return value !== undefined && "SS" in value ? value.SS : [];
}
