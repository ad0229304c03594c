/** Tables of leases at the two servers of a migration. */
import { createDynamoClient, type DynamoClient, inProcessTransport } from "@millrace/client";
import { type LeaseItem, openDynamoLeaseStore } from "@millrace/consumer";
import type { ServerCore } from "@millrace/server";
import type { TwoServers } from "./two-servers-under-test.ts";

export function tablesAt(at: TwoServers, { service }: ServerCore): DynamoClient {
  const { clock, random } = at.runtime;
  return createDynamoClient({ transport: inProcessTransport(service), clock, random });
}

/** A table with leases as a KCL leaves them. */
export async function putLeases(
  at: TwoServers,
  server: ServerCore,
  items: readonly LeaseItem[],
  table = "app",
) {
  const client = tablesAt(at, server);
  await at.finish(openDynamoLeaseStore({ client, tableName: table, clock: at.runtime.clock }));
  for (const Item of items) await at.finish(client.putItem({ TableName: table, Item }));
}

export async function leasesAt(at: TwoServers, server: ServerCore, table = "app"): Promise<LeaseItem[]> {
  const { Items = [] } = await at.finish(tablesAt(at, server).scan({ TableName: table }));
  return (Items as LeaseItem[]).toSorted((one, other) =>
    JSON.stringify(one["leaseKey"]) < JSON.stringify(other["leaseKey"]) ? -1 : 1,
  );
}

export const SHARDS = ["shardId-000000000000", "shardId-000000000001"] as const;

export function lease(leaseKey: string, checkpoint: string, more: LeaseItem = {}): LeaseItem {
  return {
    leaseKey: { S: leaseKey },
    leaseCounter: { N: "42" },
    leaseOwner: { S: "a worker that is gone" },
    checkpointOwner: { S: "a worker that is gone" },
    ownerSwitchesSinceCheckpoint: { N: "3" },
    checkpoint: { S: checkpoint },
    checkpointSubSequenceNumber: { N: "5" },
    throughputKBps: { N: "17.5" },
    entityType: { S: "LEASE" },
    ...more,
  };
}

/** The same lease as it has to be at the target. */
export function freed(
  { leaseOwner: _owner, checkpointOwner: _other, ...item }: LeaseItem,
  more: LeaseItem = {},
) {
  return { ...item, ...more };
}
