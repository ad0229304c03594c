import { describe, expect, test } from "vitest";
import { uniqueName } from "../src/suite.ts";
import { call, newTable, refused } from "../src/side-clients.ts";

const definition = {
  KeySchema: [
    { AttributeName: "leaseKey", KeyType: "HASH" },
    { AttributeName: "kind", KeyType: "RANGE" },
  ],
  AttributeDefinitions: [
    { AttributeName: "leaseKey", AttributeType: "S" },
    { AttributeName: "kind", AttributeType: "N" },
  ],
  BillingMode: "PAY_PER_REQUEST",
} as const;
const mutable = () =>
  structuredClone(definition) as never as { KeySchema: never; AttributeDefinitions: never };

describe("CreateTable", () => {
  test("makes a table that is CREATING first and ACTIVE then", async () => {
    const TableName = uniqueName("table");
    const { TableDescription } = await call("CreateTable", {
      TableName,
      ...mutable(),
      Tags: [{ Key: "a", Value: "b" }],
    });
    expect(TableDescription).toMatchObject({
      TableName,
      TableStatus: "CREATING",
      ItemCount: 0,
      KeySchema: definition.KeySchema,
    });
    expect(TableDescription?.TableArn).toMatch(
      new RegExp(`^arn:aws:dynamodb:[a-z0-9-]+:\\d{12}:table/${TableName}$`),
    );
    expect(TableDescription?.CreationDateTime).toBeInstanceOf(Date);
  });

  test("makes indexes with it", async () => {
    const TableName = await newTable({
      AttributeDefinitions: [
        { AttributeName: "leaseKey", AttributeType: "S" },
        { AttributeName: "leaseOwner", AttributeType: "S" },
      ],
      GlobalSecondaryIndexes: [
        {
          IndexName: "byOwner",
          KeySchema: [{ AttributeName: "leaseOwner", KeyType: "HASH" }],
          Projection: { ProjectionType: "ALL" },
        },
      ],
    });
    const { Table } = await call("DescribeTable", { TableName });
    expect(Table?.GlobalSecondaryIndexes?.[0]).toMatchObject({ IndexName: "byOwner", IndexStatus: "ACTIVE" });
  });

  test("a second table of one name is refused", async () => {
    const TableName = await newTable();
    await refused(
      call("CreateTable", { TableName, ...mutable() }),
      "ResourceInUseException",
      `Table already exists: ${TableName}`,
    );
  });

  test.each([
    ["a key without a type", { AttributeDefinitions: [] }, /Some index key attributes are not defined/],
    [
      "a type without a key",
      {
        AttributeDefinitions: [
          ...definition.AttributeDefinitions,
          { AttributeName: "x", AttributeType: "S" as const },
        ],
      },
      /Some AttributeDefinitions are not used/,
    ],
    [
      "no throughput",
      { BillingMode: "PROVISIONED" as const },
      /ReadCapacityUnits and WriteCapacityUnits must both be specified/,
    ],
    [
      "a name that is too short",
      { TableName: "ab" },
      "TableName must be at least 3 characters long and at most 255 characters long",
    ],
    [
      "what the KCL does not need",
      { StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_IMAGE" as const } },
      /is not served/,
    ],
  ])("%s is refused", async (_, change, message) => {
    const input = { TableName: uniqueName("table"), ...mutable(), ...change };
    await refused(call("CreateTable", input as never), "ValidationException", message);
  });
});
