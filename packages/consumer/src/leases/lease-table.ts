import { type dynamodb, type OutputOf, ServiceError } from "@millrace/api";
import type { DynamoLeaseStoreOptions } from "./dynamo-lease-store.ts";

type Table = OutputOf<(typeof dynamodb)["operations"]["DescribeTable"]>["Table"];

/** The KCL 3 finds the leases that were assigned to a worker through this index, and makes it where it is missing. */
const OWNER_INDEX = "LeaseOwnerToLeaseKeyIndex";

const POLL_INTERVAL_MS = 1_000;

interface CallLimit {
  readonly deadlineMs: number;
}

/** Makes the table of leases unless it is there, and waits until it can be used. Several workers may do so at once. */
export async function openLeaseTable(options: DynamoLeaseStoreOptions, call: CallLimit): Promise<void> {
  const { tableName, clock, tableTimeoutMs = 600_000 } = options;
  const beganMs = clock.monotonicMs();
  for (;;) {
    const table = await describe(options, call);
    const status = table?.TableStatus;
    // One that is being updated, by a KCL that makes its index, can be used.
    if (status === "ACTIVE" || status === "UPDATING") return checkKey(table, tableName);
    if (status === undefined) await create(options, call);
    if (clock.monotonicMs() - beganMs >= tableTimeoutMs) {
      throw new Error(
        `the table ${tableName} cannot be used after ${tableTimeoutMs} ms: it is ${status ?? "not there"}`,
      );
    }
    await clock.sleep(POLL_INTERVAL_MS);
  }
}

async function describe(
  { client, tableName }: DynamoLeaseStoreOptions,
  call: CallLimit,
): Promise<Table | undefined> {
  try {
    return (await client.describeTable({ TableName: tableName }, call)).Table;
  } catch (error) {
    if (isError(error, "ResourceNotFoundException")) return undefined;
    throw error;
  }
}

async function create(options: DynamoLeaseStoreOptions, call: CallLimit): Promise<void> {
  const { client, tableName, provisionedCapacity, tags = {} } = options;
  const capacity =
    provisionedCapacity === undefined
      ? undefined
      : {
          ProvisionedThroughput: {
            ReadCapacityUnits: provisionedCapacity.readUnits,
            WriteCapacityUnits: provisionedCapacity.writeUnits,
          },
        };
  try {
    await client.createTable(
      {
        TableName: tableName,
        AttributeDefinitions: [
          { AttributeName: "leaseKey", AttributeType: "S" },
          { AttributeName: "leaseOwner", AttributeType: "S" },
        ],
        KeySchema: [{ AttributeName: "leaseKey", KeyType: "HASH" }],
        GlobalSecondaryIndexes: [
          {
            IndexName: OWNER_INDEX,
            KeySchema: [
              { AttributeName: "leaseOwner", KeyType: "HASH" },
              { AttributeName: "leaseKey", KeyType: "RANGE" },
            ],
            Projection: { ProjectionType: "KEYS_ONLY" },
            ...capacity,
          },
        ],
        BillingMode: capacity === undefined ? "PAY_PER_REQUEST" : "PROVISIONED",
        ...capacity,
        ...(Object.keys(tags).length === 0
          ? {}
          : { Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) }),
      },
      call,
    );
  } catch (error) {
    // Another worker was first; or this one was, and the answer was lost.
    if (!isError(error, "ResourceInUseException")) throw error;
  }
}

function checkKey(table: Table, tableName: string): void {
  const key = (table?.KeySchema ?? []).map(({ AttributeName, KeyType }) => `${AttributeName} ${KeyType}`);
  if (key.join() === "leaseKey HASH") return;
  throw new TypeError(`${tableName} is no table of leases: its key is ${key.join(", ")}`);
}

function isError(error: unknown, code: string): boolean {
  return error instanceof ServiceError && error.code === code;
}
