/** Reports of workers in the tables of DynamoDB in which the KCL 3 keeps its own. */
import { ServiceError } from "@millrace/api";
import type { LeaseTableClient } from "./dynamo-lease-store.ts";
import {
  REPORT_ENTITY_TYPE,
  REPORT_KEYS,
  reportFromItem,
  type ReportItem,
  type ReportPlace,
  reportToItem,
  type WorkerReport,
  type WorkerReports,
} from "./worker-report.ts";

export interface DynamoWorkerReportsOptions {
  readonly client: Pick<LeaseTableClient, "scan" | "putItem" | "deleteItem">;
  /** The table of leases. */
  readonly tableName: string;
  readonly call: { readonly deadlineMs: number };
}

/** A table that nobody made has no reports; nor has one that the credentials do not reach, which may name the table of leases alone. */
const NOT_THERE = new Set(["ResourceNotFoundException", "AccessDeniedException"]);

export function dynamoWorkerReports({ client, tableName, call }: DynamoWorkerReportsOptions): WorkerReports {
  const tables = { leases: tableName, separate: `${tableName}-WorkerMetricStats` } as const;

  const listIn = async (place: ReportPlace): Promise<WorkerReport[]> => {
    const reports: WorkerReport[] = [];
    let from: ReportItem | undefined;
    do {
      const { Items = [], LastEvaluatedKey } = await client.scan(
        {
          TableName: tables[place],
          // The separate table has nothing else, and older versions write no type there.
          ...(place === "leases"
            ? {
                FilterExpression: "entityType = :type",
                ExpressionAttributeValues: { ":type": { S: REPORT_ENTITY_TYPE } },
              }
            : {}),
          ...(from === undefined ? {} : { ExclusiveStartKey: from }),
        },
        call,
      );
      for (const item of Items) {
        const report = reportFromItem(item as ReportItem, place);
        if (report !== undefined) reports.push(report);
      }
      from = LastEvaluatedKey as ReportItem | undefined;
    } while (from !== undefined);
    return reports;
  };

  return {
    async list() {
      const inLeases = await listIn("leases");
      try {
        return [...inLeases, ...(await listIn("separate"))];
      } catch (error) {
        if (error instanceof ServiceError && NOT_THERE.has(error.code)) return inLeases;
        throw error;
      }
    },

    async write(report) {
      await client.putItem({ TableName: tables[report.place], Item: reportToItem(report) }, call);
    },

    async remove(workerId, place) {
      await client.deleteItem(
        { TableName: tables[place], Key: { [REPORT_KEYS[place]]: { S: workerId } } },
        call,
      );
    },
  };
}
