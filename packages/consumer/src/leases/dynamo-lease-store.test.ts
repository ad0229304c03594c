import { ServiceError } from "@millrace/api";
import { createDynamoClient } from "@millrace/client";
import { seededRandom, simulatedClock } from "@millrace/runtime";
import { tablesInMemory } from "@millrace/tables/testing";
import { describe, expect, test } from "vitest";
import { lossyTransport, type Passage } from "../simulation/lossy-calls.ts";
import {
  type DynamoLeaseStoreOptions,
  newLease,
  openDynamoLeaseStore,
  taking,
  TRIM_HORIZON,
} from "../index.ts";
import { leaseStoreContract } from "./lease-store.contract.ts";

leaseStoreContract("DynamoDB", async () => {
  const { clock, client, open } = world();
  let lostCount = 0;
  const passage = (): Passage => {
    if (lostCount === 0) return "arrives";
    lostCount -= 1;
    return "answer lost";
  };
  const store = await clock.finish(open({ client: client(passage) }));
  return {
    store,
    finish: (promise) => clock.finish(promise),
    loseAnswers: (count) => {
      lostCount = count;
    },
  };
});

function world() {
  const clock = simulatedClock();
  const asked: string[] = [];
  /** Codes with which the next calls of an operation fail. */
  const failures = new Map<string, string[]>();
  const service = tablesInMemory(clock, (operation) => {
    asked.push(operation);
    const code = failures.get(operation)?.shift();
    if (code !== undefined) throw new ServiceError(code, "as the test asked for");
  });
  const client = (passage: () => Passage = () => "arrives") =>
    createDynamoClient({ transport: lossyTransport(service, passage), clock, random: seededRandom(1) });
  const open = (options: Partial<DynamoLeaseStoreOptions> = {}) =>
    openDynamoLeaseStore({ client: client(), tableName: "billing", clock, ...options });
  return { clock, client, asked, failures, open };
}

const lease = (at: number) =>
  newLease({
    leaseKey: `shardId-${String(at).padStart(12, "0")}`,
    checkpoint: TRIM_HORIZON,
    parentShardIds: [],
    hashKeyRange: { startingHashKey: 0n, endingHashKey: 1n },
  });

describe("the table", () => {
  test("is made as the KCL makes it: paid by request, with an index by owner", async () => {
    const { clock, client, open } = world();
    await clock.finish(open());
    const { Table } = await clock.finish(client().describeTable({ TableName: "billing" }));
    expect(Table).toMatchObject({
      TableStatus: "ACTIVE",
      KeySchema: [{ AttributeName: "leaseKey", KeyType: "HASH" }],
      BillingModeSummary: { BillingMode: "PAY_PER_REQUEST" },
      GlobalSecondaryIndexes: [
        {
          IndexName: "LeaseOwnerToLeaseKeyIndex",
          KeySchema: [
            { AttributeName: "leaseOwner", KeyType: "HASH" },
            { AttributeName: "leaseKey", KeyType: "RANGE" },
          ],
          Projection: { ProjectionType: "KEYS_ONLY" },
        },
      ],
    });
  });

  test("is made with the capacity and the tags that were asked for", async () => {
    const { clock, client, open } = world();
    await clock.finish(
      open({ provisionedCapacity: { readUnits: 7, writeUnits: 5 }, tags: { team: "orders" } }),
    );
    const { Table } = await clock.finish(client().describeTable({ TableName: "billing" }));
    const capacity = { ReadCapacityUnits: 7, WriteCapacityUnits: 5 };
    expect(Table).toMatchObject({
      ProvisionedThroughput: capacity,
      GlobalSecondaryIndexes: [{ ProvisionedThroughput: capacity }],
    });
    const { Tags } = await clock.finish(client().listTagsOfResource({ ResourceArn: Table!.TableArn! }));
    expect(Tags).toEqual([{ Key: "team", Value: "orders" }]);
  });

  test("is made once by workers that start together, and left as it is by those that come later", async () => {
    const { clock, open, asked } = world();
    const stores = await clock.finish(Promise.all([open(), open(), open()]));
    await clock.finish(stores[0]!.create(lease(0)));
    expect(await clock.finish(stores[2]!.list())).toEqual([lease(0)]);
    const before = asked.length;
    expect(await clock.finish((await clock.finish(open())).list())).toEqual([lease(0)]);
    expect(asked.slice(before)).toEqual(["DescribeTable", "Scan"]);
  });

  test("is made although the answer to its creation is lost", async () => {
    const { clock, client, open } = world();
    const passages: Passage[] = ["arrives", "answer lost"];
    const store = await clock.finish(open({ client: client(() => passages.shift() ?? "arrives") }));
    expect(await clock.finish(store.list())).toEqual([]);
  });

  test("that has another key is refused", async () => {
    const { clock, client, open } = world();
    await clock.finish(
      client().createTable({
        TableName: "billing",
        AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
        KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
        BillingMode: "PAY_PER_REQUEST",
      }),
    );
    await expect(clock.finish(open())).rejects.toThrow("billing is no table of leases: its key is id HASH");
  });

  test("that does not become usable is not waited for for ever", async () => {
    const { clock, client, open } = world();
    const stuck = {
      ...client(),
      describeTable: () => Promise.resolve({ Table: { TableStatus: "CREATING" as const } }),
    };
    await expect(clock.finish(open({ client: stuck, tableTimeoutMs: 5_000 }))).rejects.toThrow(
      "the table billing cannot be used after 5000 ms: it is CREATING",
    );
    expect(clock.monotonicMs()).toBeGreaterThanOrEqual(5_000);
  });
});

describe("calls", () => {
  test("that are throttled are made again, and what never works says so", async () => {
    const { clock, failures, open, asked } = world();
    const store = await clock.finish(open());
    failures.set("PutItem", ["ProvisionedThroughputExceededException", "ThrottlingException"]);
    expect(await clock.finish(store.create(lease(0)))).toBe(true);
    expect(asked.filter((operation) => operation === "PutItem")).toHaveLength(3);
    failures.set(
      "Scan",
      Array.from({ length: 3 }, () => "ProvisionedThroughputExceededException"),
    );
    await expect(clock.finish(store.list())).rejects.toMatchObject({
      code: "ProvisionedThroughputExceededException",
    });
    expect(await clock.finish(store.list())).toHaveLength(1);
  });

  test("ask for the lease when a refusal does not show it", async () => {
    const { clock, client, open } = world();
    const table = client();
    const silent = {
      ...table,
      updateItem: () => Promise.reject(new ServiceError("ConditionalCheckFailedException", "no item here")),
    };
    const store = await clock.finish(open({ client: silent }));
    await clock.finish(store.create(lease(0)));
    expect(await clock.finish(store.write(taking({ ...lease(0), leaseCounter: 5 }, "ana")))).toEqual({
      done: false,
      found: lease(0),
    });
  });

  test("read a table of many pages to its end", async () => {
    const { clock, open, asked } = world();
    const store = await clock.finish(open());
    // A page ends at 1 MB.
    const leases = Array.from({ length: 30 }, (_, at) => ({
      ...lease(at),
      pendingCheckpoint: TRIM_HORIZON,
      pendingCheckpointState: Buffer.alloc(100_000, at),
    }));
    for (const one of leases) await clock.finish(store.create(one));
    const listed = await clock.finish(store.list());
    expect(listed.map(({ leaseKey }) => leaseKey).toSorted()).toEqual(leases.map(({ leaseKey }) => leaseKey));
    expect(asked.filter((operation) => operation === "Scan").length).toBeGreaterThan(2);
  });

  test("pass over what the KCL 3.5 keeps beside leases in the same table", async () => {
    const { clock, client, open } = world();
    const store = await clock.finish(open());
    await clock.finish(store.create(lease(0)));
    const Item = { leaseKey: { S: "Leader" }, entityType: { S: "LEADER" }, ownerName: { S: "java" } };
    await clock.finish(client().putItem({ TableName: "billing", Item }));
    expect(await clock.finish(store.list())).toEqual([lease(0)]);
    expect(await clock.finish(store.get("Leader"))).toBeUndefined();
  });
});
