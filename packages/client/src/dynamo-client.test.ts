import { dynamodb } from "@millrace/api";
import { seededRandom, simulatedClock } from "@millrace/runtime";
import {
  decodeJson,
  encodeJson,
  type WireRequest,
  type WireResponse,
  type WireService,
} from "@millrace/wire";
import { describe, expect, expectTypeOf, test } from "vitest";
import { createDynamoClient, type DynamoClient, inProcessTransport } from "./index.ts";

const { UpdateItem } = dynamodb.operations;
const contentType = "application/x-amz-json-1.0";
const renewed = { Attributes: { leaseKey: { S: "shardId-000000000000" }, leaseCounter: { N: "2" } } };
const update = {
  TableName: "billing",
  Key: { leaseKey: { S: "shardId-000000000000" } },
  AttributeUpdates: { leaseCounter: { Action: "PUT" as const, Value: { N: "2" } } },
};

const answer = (status: number, body: unknown): WireResponse => ({
  status,
  headers: { "content-type": contentType },
  body: Buffer.from(JSON.stringify(body)),
});
const success = (): WireResponse => ({
  ...answer(200, {}),
  body: encodeJson(renewed, UpdateItem.output),
});

/** A client of a service that gives these answers one after the other. */
function clientOf(...answers: WireResponse[]) {
  const requests: WireRequest[] = [];
  const service: WireService = (request) => {
    requests.push(request);
    return Promise.resolve(answers[requests.length - 1]!);
  };
  const clock = simulatedClock();
  const client = createDynamoClient({
    transport: inProcessTransport(service),
    clock,
    random: seededRandom(1),
    credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret" },
  });
  return { client, clock, requests };
}

describe("a call on tables", () => {
  test("speaks JSON 1.0, signed for DynamoDB", async () => {
    const { client, clock, requests } = clientOf(success());
    expect(await clock.finish(client.updateItem(update))).toEqual(renewed);
    const { headers, body } = requests[0]!;
    expect(headers).toMatchObject({
      "content-type": contentType,
      "x-amz-target": "DynamoDB_20120810.UpdateItem",
    });
    expect(headers["authorization"]).toContain("/us-east-1/dynamodb/aws4_request");
    expect(decodeJson(body, UpdateItem.input)).toEqual(update);
  });

  test("whose condition does not hold fails at once, and shows the item", async () => {
    const { client, clock, requests } = clientOf(
      answer(400, {
        __type: "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
        message: "The conditional request failed",
        Item: { leaseCounter: { N: "5" }, state: { B: Buffer.from("state").toString("base64") } },
      }),
    );
    await expect(clock.finish(client.updateItem(update))).rejects.toMatchObject({
      code: "ConditionalCheckFailedException",
      message: "The conditional request failed",
      details: { Item: { leaseCounter: { N: "5" }, state: { B: Buffer.from("state") } } },
    });
    expect(requests).toHaveLength(1);
  });

  test("that is throttled, or meets a failure of the service, is made again", async () => {
    const throttled = "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException";
    const { client, clock, requests } = clientOf(
      answer(400, { __type: throttled, message: "slower" }),
      answer(500, { __type: "com.amazonaws.dynamodb.v20120810#InternalServerError" }),
      success(),
    );
    expect(await clock.finish(client.updateItem(update))).toEqual(renewed);
    expect(requests).toHaveLength(3);
  });

  test("is there for every operation, typed from the contracts", () => {
    const { client } = clientOf();
    const names = Object.keys(dynamodb.operations).map(
      (name) => name.charAt(0).toLowerCase() + name.slice(1),
    );
    expect(Object.keys(client).toSorted()).toEqual([...names, "close"].toSorted());
    expectTypeOf<DynamoClient["scan"]>().parameter(0).toHaveProperty("TableName").toEqualTypeOf<string>();
  });
});
