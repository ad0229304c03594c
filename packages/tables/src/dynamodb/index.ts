import type { dynamodb } from "@millrace/api";
import type { Handlers } from "@millrace/wire";
import type { TablesContext } from "../handler.ts";
import { createTable } from "./create-table.ts";
import { deleteItem } from "./delete-item.ts";
import { deleteTable } from "./delete-table.ts";
import { describeContinuousBackups } from "./describe-continuous-backups.ts";
import { describeTable } from "./describe-table.ts";
import { describeTimeToLive } from "./describe-time-to-live.ts";
import { getItem } from "./get-item.ts";
import { listTables } from "./list-tables.ts";
import { listTagsOfResource } from "./list-tags-of-resource.ts";
import { putItem } from "./put-item.ts";
import { query } from "./query.ts";
import { scan } from "./scan.ts";
import { tagResource } from "./tag-resource.ts";
import { transactWriteItems } from "./transact-write-items.ts";
import { untagResource } from "./untag-resource.ts";
import { updateContinuousBackups } from "./update-continuous-backups.ts";
import { updateItem } from "./update-item.ts";
import { updateTable } from "./update-table.ts";
import { updateTimeToLive } from "./update-time-to-live.ts";

/** A handler for each operation on tables and items. */
export function tableOperations(context: TablesContext): Handlers<typeof dynamodb> {
  return {
    CreateTable: createTable(context),
    DeleteItem: deleteItem(context),
    DeleteTable: deleteTable(context),
    DescribeContinuousBackups: describeContinuousBackups(context),
    DescribeTable: describeTable(context),
    DescribeTimeToLive: describeTimeToLive(context),
    GetItem: getItem(context),
    ListTables: listTables(context),
    ListTagsOfResource: listTagsOfResource(context),
    PutItem: putItem(context),
    Query: query(context),
    Scan: scan(context),
    TagResource: tagResource(context),
    TransactWriteItems: transactWriteItems(context),
    UntagResource: untagResource(context),
    UpdateContinuousBackups: updateContinuousBackups(context),
    UpdateItem: updateItem(context),
    UpdateTable: updateTable(context),
    UpdateTimeToLive: updateTimeToLive(context),
  };
}
