import { describe, expect, test } from "vitest";
import { ConnectionDropped } from "@millrace/wire";
import type { WireRequest, WireResponse } from "@millrace/wire";
import { ask, jsonOf, serverUnderTest } from "./test-support.ts";

function request(headers: Record<string, string>, body: string | Buffer, path = "/"): WireRequest {
  return {
    method: "POST",
    path,
    headers,
    body: Buffer.from(body),
    remoteAddress: "127.0.0.1",
    viaTls: false,
    httpVersion: "1.1",
  };
}

const onTables = (operation: string, input: object) =>
  request(
    { "content-type": "application/x-amz-json-1.0", "x-amz-target": `DynamoDB_20120810.${operation}` },
    JSON.stringify(input),
  );

function textOf({ body }: WireResponse): string {
  return Buffer.concat(body instanceof Uint8Array ? [body] : (body as readonly Uint8Array[])).toString();
}

describe("services on one port", () => {
  test("an operation on tables is answered in the protocol of tables, with a checksum", async () => {
    const { service } = await serverUnderTest();
    const answer = await service(onTables("ListTables", {}));
    expect(answer.status).toBe(200);
    expect(textOf(answer)).toBe('{"TableNames":[]}');
    // CRC-32 of that text, computed by another program.
    expect(answer.headers["x-amz-crc32"]).toBe("1315925753");
  });

  test("errors have the name spaces that clients know", async () => {
    const { service } = await serverUnderTest();
    const typeOf = async (operation: string, input: object) =>
      (JSON.parse(textOf(await service(onTables(operation, input)))) as { __type: string }).__type;
    expect(await typeOf("DescribeTable", { TableName: "none" })).toBe(
      "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException",
    );
    expect(await typeOf("DescribeTable", {})).toBe("com.amazon.coral.validate#ValidationException");
    expect(await typeOf("DescribeTable", { TableName: 1 })).toBe(
      "com.amazon.coral.service#SerializationException",
    );
    expect(await typeOf("ExecuteStatement", {})).toBe("com.amazon.coral.service#UnknownOperationException");
  });

  test("a form is for the service whose version it names, and else for the one in the signature", async () => {
    const { service } = await serverUnderTest();
    const form = { "content-type": "application/x-www-form-urlencoded" };
    const scope = {
      authorization:
        "AWS4-HMAC-SHA256 Credential=123456789012/20260101/eu-west-1/sts/aws4_request, SignedHeaders=host, Signature=x",
      "x-amz-date": "20260101T000000Z",
    };
    const byVersion = await service(request(form, "Action=GetCallerIdentity&Version=2011-06-15"));
    expect(textOf(byVersion)).toContain("<Account>000000000000</Account>");
    const bySignature = await service(request({ ...form, ...scope }, "Action=GetCallerIdentity"));
    expect(textOf(bySignature)).toContain("<Account>123456789012</Account>");
    const unknown = await service(request(form, "Action=GetSessionToken&Version=2011-06-15"));
    expect(unknown.status).toBe(400);
    expect(textOf(unknown)).toContain("<Code>InvalidAction</Code>");
  });

  test("everything else is for Kinesis as before", async () => {
    const { service } = await serverUnderTest();
    const answer = await service(request({ "content-type": "application/x-www-form-urlencoded" }, "a=b"));
    expect(answer.status).toBe(403);
    expect(textOf(answer)).toContain("AccessDeniedException");
  });
});

describe("faults", () => {
  test("hit operations of other services only when they name them", async () => {
    const { service, faults } = await serverUnderTest();
    const any = faults.add({ kind: "fail" });
    expect((await service(onTables("ListTables", {}))).status).toBe(200);
    faults.remove(any.id);
    faults.add({ kind: "throttle", operation: "dynamodb:PutItem", count: 1 });
    faults.add({ kind: "fail", operation: "dynamodb:ListTables", count: 1, code: "InternalServerError" });
    const throttled = await service(onTables("PutItem", { TableName: "leases", Item: {} }));
    expect(textOf(throttled)).toContain("#ProvisionedThroughputExceededException");
    const failed = await service(onTables("ListTables", {}));
    expect(failed.status).toBe(500);
    expect((await service(onTables("ListTables", {}))).status).toBe(200);
  });

  test("lose answers of other services too", async () => {
    const { service, faults } = await serverUnderTest();
    faults.add({ kind: "drop", operation: "dynamodb:ListTables", stage: "after", count: 1 });
    await expect(service(onTables("ListTables", {}))).rejects.toThrow(ConnectionDropped);
  });
});

test("requests to other services are counted under their names", async () => {
  const { service } = await serverUnderTest();
  await service(onTables("ListTables", {}));
  await service(onTables("DescribeTable", { TableName: "none" }));
  await service(onTables("Nonsense", {}));
  const text = textOf(await ask(service, "GET", "/_millrace/metrics"));
  expect(text).toContain('millrace_requests_total{operation="dynamodb:ListTables",code="OK"} 1');
  expect(text).toContain(
    'millrace_requests_total{operation="dynamodb:DescribeTable",code="ResourceNotFoundException"} 1',
  );
  expect(text).toContain('millrace_requests_total{operation="unknown",code="UnknownOperationException"} 1');
});

test("points of metrics are shown to whoever asks for them", async () => {
  const { service } = await serverUnderTest();
  const headers = {
    "content-type": "application/x-amz-json-1.0",
    "x-amz-target": "GraniteServiceVersion20100801.PutMetricData",
  };
  await service(
    request(headers, JSON.stringify({ Namespace: "KCL", MetricData: [{ MetricName: "m", Value: 1 }] })),
  );
  expect(jsonOf(await ask(service, "GET", "/_millrace/metrics/points?namespace=KCL"))).toMatchObject({
    count: 1,
    points: [{ namespace: "KCL", metricName: "m", values: [1] }],
  });
  expect((await ask(service, "GET", "/_millrace/metrics/points?limit=0")).status).toBe(400);
});

test("tables are on the disk, and there after a restart", async () => {
  const first = await serverUnderTest({ durability: "fsync", dataDir: "/data" });
  const AttributeDefinitions = [{ AttributeName: "k", AttributeType: "S" }];
  const KeySchema = [{ AttributeName: "k", KeyType: "HASH" }];
  const definition = { TableName: "leases", AttributeDefinitions, KeySchema, BillingMode: "PAY_PER_REQUEST" };
  await first.service(onTables("CreateTable", definition));
  const Item = { k: { S: "a" }, bytes: { B: "AAE=" } };
  expect((await first.service(onTables("PutItem", { TableName: "leases", Item }))).status).toBe(200);
  await first.close();
  const second = await serverUnderTest({ durability: "fsync", dataDir: "/data" }, first.runtime);
  const answer = await second.service(onTables("GetItem", { TableName: "leases", Key: { k: { S: "a" } } }));
  expect(JSON.parse(textOf(answer))).toEqual({ Item });
  await second.close();
});
