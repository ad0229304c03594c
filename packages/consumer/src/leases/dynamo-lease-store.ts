/**
 * Leases in a table of DynamoDB, of Millrace or of AWS, in the form of the Kinesis Client Library 3.5: its workers and ours share
 * an application by sharing the table.
 */
import { ServiceError } from "@millrace/api";
import type { DynamoClient } from "@millrace/client";
import type { Clock } from "@millrace/runtime";
import type { Lease } from "./lease.ts";
import { leaseFromItem, type LeaseItem, leaseToItem, leaseWriteToUpdate } from "./lease-item.ts";
import { dynamoWorkerReports } from "./dynamo-worker-reports.ts";
import type { LeaseStore } from "./lease-store.ts";
import { openLeaseTable } from "./lease-table.ts";

/** The part of a client that the store calls. */
export type LeaseTableClient = Pick<
  DynamoClient,
  "createTable" | "describeTable" | "putItem" | "getItem" | "updateItem" | "deleteItem" | "scan"
>;

/** Which table leases are kept in, and how it is made when it is not there. */
export interface DynamoLeaseStoreOptions {
  /** Made with `createDynamoClient`. */
  readonly client: LeaseTableClient;
  /** The KCL names its table after the application. */
  readonly tableName: string;
  readonly clock: Clock;
  /** Of a table that is made. Default: it is paid by request, as the KCL's is. */
  readonly provisionedCapacity?: { readonly readUnits: number; readonly writeUnits: number };
  /** Of a table that is made. */
  readonly tags?: { readonly [key: string]: string };
  /** How long a table may take until it can be used, in milliseconds. Default: 600,000. */
  readonly tableTimeoutMs?: number;
  /** How long one call may take, retries of the client included, in milliseconds. Default: 10,000. */
  readonly callTimeoutMs?: number;
}

/**
 * The leases in a table, which is made when there is none. Resolves when the table can be used.
 *
 * @throws {ServiceError} when the table cannot be described or made.
 * @throws {TypeError} when it is no table of leases: its key is another.
 * @throws {Error} when it cannot be used before `tableTimeoutMs` have passed.
 */
export async function openDynamoLeaseStore(options: DynamoLeaseStoreOptions): Promise<LeaseStore> {
  const { client, tableName: TableName, callTimeoutMs = 10_000 } = options;
  const call = { deadlineMs: callTimeoutMs };
  await openLeaseTable(options, call);

  const get = async (leaseKey: string): Promise<Lease | undefined> => {
    const { Item } = await client.getItem({ TableName, Key: keyOf(leaseKey), ConsistentRead: true }, call);
    return leaseIn(Item);
  };

  return {
    get,

    reports: dynamoWorkerReports({ client, tableName: TableName, call }),

    create: (lease) =>
      unlessRefused(
        client
          .putItem({ TableName, Item: leaseToItem(lease), Expected: { leaseKey: { Exists: false } } }, call)
          .then(() => true),
        () => false,
      ),

    async list() {
      const leases: Lease[] = [];
      let from: LeaseItem | undefined;
      do {
        const { Items = [], LastEvaluatedKey } = await client.scan(
          { TableName, ConsistentRead: true, ...(from === undefined ? {} : { ExclusiveStartKey: from }) },
          call,
        );
        for (const item of Items) {
          const lease = leaseIn(item);
          if (lease !== undefined) leases.push(lease);
        }
        from = LastEvaluatedKey as LeaseItem | undefined;
      } while (from !== undefined);
      return leases;
    },

    write: (write) =>
      unlessRefused(
        client.updateItem({ TableName, ...leaseWriteToUpdate(write) }, call).then(({ Attributes }) => {
          const lease = leaseIn(Attributes);
          if (lease === undefined) throw new TypeError(`${write.leaseKey} was written and is no lease`);
          return { done: true, lease };
        }),
        async (item) => ({
          done: false,
          // An endpoint that does not show the item with its refusal has to be asked for it.
          found: leaseIn(item) ?? (await get(write.leaseKey)),
        }),
      ),

    delete: ({ leaseKey, leaseCounter }) =>
      unlessRefused(
        client
          .deleteItem(
            {
              TableName,
              Key: keyOf(leaseKey),
              Expected: { leaseCounter: { Value: { N: String(leaseCounter) } } },
            },
            call,
          )
          .then(() => true),
        () => false,
      ),
  };
}

const keyOf = (leaseKey: string): LeaseItem => ({ leaseKey: { S: leaseKey } });

/** The items of the table have other attributes than the KCL's only where somebody else put them. */
function leaseIn(item: object | undefined): Lease | undefined {
  return item === undefined ? undefined : leaseFromItem(item as LeaseItem);
}

/** What a conditional write gives, and what a condition that did not hold shows. */
async function unlessRefused<T>(
  written: Promise<T>,
  refused: (item: object | undefined) => T | Promise<T>,
): Promise<T> {
  try {
    return await written;
  } catch (error) {
    if (!(error instanceof ServiceError) || error.code !== "ConditionalCheckFailedException") throw error;
    return refused(error.details?.["Item"] as object | undefined);
  }
}
