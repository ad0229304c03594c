/**
 * How a lease names its shard. An application of one stream uses the shard's id alone; one of several streams puts
 * `account:stream:creation second` before it, as the Kinesis Client Library does.
 */
import { parseArn } from "@millrace/model";
import type { Lease } from "./lease.ts";

/** A stream as its leases know it. */
export interface StreamIdentity {
  readonly streamName: string;
  readonly streamArn: string;
  /** `account:stream:creation second`; undefined in an application of one stream. */
  readonly streamIdentifier: string | undefined;
}

/** @throws {TypeError} when the ARN is not that of a stream. */
export function streamIdentity(
  streamArn: string,
  creationMs: number,
  isOneOfSeveral: boolean,
): StreamIdentity {
  const arn = parseArn(streamArn);
  if (arn?.kind !== "stream") throw new TypeError(`${streamArn} is not the ARN of a stream`);
  const creationSeconds = Math.floor(creationMs / 1000);
  return {
    streamName: arn.streamName,
    streamArn,
    streamIdentifier: isOneOfSeveral ? `${arn.accountId}:${arn.streamName}:${creationSeconds}` : undefined,
  };
}

export function leaseKeyOf({ streamIdentifier }: StreamIdentity, shardId: string): string {
  return streamIdentifier === undefined ? shardId : `${streamIdentifier}:${shardId}`;
}

export function shardIdOf({ leaseKey, ofStream }: Lease): string {
  return ofStream?.shardId ?? leaseKey;
}

/** Whether the lease is one of a shard of this stream. */
export function isLeaseOf({ streamIdentifier }: StreamIdentity, { ofStream }: Lease): boolean {
  return ofStream?.streamIdentifier === streamIdentifier;
}
