import { service } from "../service.ts";
import { list, optional, string, structure } from "../shape.ts";
import { CreateTable } from "./create-table.ts";
import { DeleteItem } from "./delete-item.ts";
import { DeleteTable } from "./delete-table.ts";
import { DescribeContinuousBackups } from "./describe-continuous-backups.ts";
import { DescribeTable } from "./describe-table.ts";
import { DescribeTimeToLive } from "./describe-time-to-live.ts";
import { GetItem } from "./get-item.ts";
import { ListTables } from "./list-tables.ts";
import { ListTagsOfResource } from "./list-tags-of-resource.ts";
import { PutItem } from "./put-item.ts";
import { Query } from "./query.ts";
import { Scan } from "./scan.ts";
import { TagResource } from "./tag-resource.ts";
import { TransactWriteItems } from "./transact-write-items.ts";
import { UntagResource } from "./untag-resource.ts";
import { UpdateContinuousBackups } from "./update-continuous-backups.ts";
import { UpdateItem } from "./update-item.ts";
import { UpdateTable } from "./update-table.ts";
import { UpdateTimeToLive } from "./update-time-to-live.ts";
import { AttributeMap } from "./shapes.ts";

/** The part of Amazon DynamoDB that the Kinesis Client Library and its kind use, in alphabetical order. */
export const dynamodb = service({
  name: "dynamodb",
  targetPrefix: "DynamoDB_20120810",
  apiVersion: "2012-08-10",
  jsonVersion: "1.0",
  errorNamespace: "com.amazonaws.dynamodb.v20120810",
  errorDetails: structure({
    Item: optional(AttributeMap),
    CancellationReasons: optional(
      list(
        structure({
          Item: optional(AttributeMap),
          Code: optional(string()),
          Message: optional(string()),
        }),
      ),
    ),
  }),
  operations: {
    CreateTable,
    DeleteItem,
    DeleteTable,
    DescribeContinuousBackups,
    DescribeTable,
    DescribeTimeToLive,
    GetItem,
    ListTables,
    ListTagsOfResource,
    PutItem,
    Query,
    Scan,
    TagResource,
    TransactWriteItems,
    UntagResource,
    UpdateContinuousBackups,
    UpdateItem,
    UpdateTable,
    UpdateTimeToLive,
  },
});
