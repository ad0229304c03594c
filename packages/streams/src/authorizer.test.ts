import { kinesis } from "@millrace/api";
import { describe, expect, test } from "vitest";
import type { Authorizer } from "./authorizer.ts";
import { serviceUnderTest } from "./service-under-test.ts";

type Name = keyof (typeof kinesis)["operations"];
const names = Object.keys(kinesis.operations) as Name[];

const STREAM = "arn:aws:kinesis:us-east-1:123456789012:stream/s";
const CONSUMER = `${STREAM}/consumer/c:1795184401`;
const CHANNEL = "arn:aws:kinesis:us-east-1:123456789012:channel/c";

/** The resource that each operation is about when a request names all that it can. */
function resourceOf(name: Name): { readonly input: object; readonly resourceArn: string } {
  const { members } = kinesis.operations[name].input;
  if ("ConsumerARN" in members) return { input: { ConsumerARN: CONSUMER }, resourceArn: CONSUMER };
  if ("ResourceARN" in members) return { input: { ResourceARN: CONSUMER }, resourceArn: CONSUMER };
  if ("ChannelARN" in members) return { input: { ChannelARN: CHANNEL }, resourceArn: CHANNEL };
  if ("StreamName" in members) return { input: { StreamName: "s" }, resourceArn: STREAM };
  if ("StreamARN" in members) return { input: { StreamARN: STREAM }, resourceArn: STREAM };
  return { input: {}, resourceArn: "*" };
}

async function underAuthorizer(decide: (action: string) => string | undefined) {
  const asked: string[] = [];
  const authorizer: Authorizer = {
    authorize(_caller, action, resourceArn) {
      asked.push(`${action} ${resourceArn}`);
      return Promise.resolve(decide(action));
    },
  };
  return { ...(await serviceUnderTest({ dependencies: { authorizer } })), asked };
}

describe("authorizer", () => {
  test.each(names.filter((name) => name !== "GetRecords"))(
    "%s is denied before anything else is looked at",
    async (name) => {
      const { asked, engine, failureOf } = await underAuthorizer(() => "You shall not.");
      const before = [...engine.state.list("")];
      const { input, resourceArn } = resourceOf(name);
      expect(await failureOf(name, input as never)).toEqual({
        code: "AccessDeniedException",
        message: "You shall not.",
        status: 400,
      });
      expect(asked).toEqual([`kinesis:${name} ${resourceArn}`]);
      expect([...engine.state.list("")]).toEqual(before);
    },
  );

  test("an iterator and a token are allowed or denied by the stream that they are of", async () => {
    let isOver = false;
    const denied = (action: string) => isOver && /GetRecords|ListShards/.test(action);
    const service = await underAuthorizer((action) => (denied(action) ? "No more." : undefined));
    const { asked, call, createStream, failureOf } = service;
    await createStream("s", 2);
    const { ShardIterator } = await call("GetShardIterator", {
      StreamName: "s",
      ShardId: "0",
      ShardIteratorType: "LATEST",
    });
    const { NextToken } = await call("ListShards", { StreamName: "s", MaxResults: 1 });
    asked.length = 0;
    await call("GetRecords", { ShardIterator: ShardIterator! });
    await call("GetRecords", { ShardIterator: ShardIterator!, StreamARN: STREAM });
    await call("ListShards", { NextToken: NextToken! });
    expect(asked).toEqual([
      `kinesis:GetRecords ${STREAM}`,
      `kinesis:GetRecords ${STREAM}`,
      `kinesis:ListShards ${STREAM}`,
    ]);
    isOver = true;
    for (const failure of [
      await failureOf("GetRecords", { ShardIterator: ShardIterator! }),
      await failureOf("ListShards", { NextToken: NextToken! }),
    ]) {
      expect(failure).toEqual({ code: "AccessDeniedException", message: "No more.", status: 400 });
    }
  });

  test("an iterator does not go with the ARN of another account's stream of that name", async () => {
    const { call, createStream, failureOf } = await serviceUnderTest();
    await createStream("s", 1);
    await call("CreateStream", { StreamName: "s", ShardCount: 1 }, { accountId: "999999999999" });
    const { ShardIterator } = await call("GetShardIterator", {
      StreamName: "s",
      ShardId: "0",
      ShardIteratorType: "LATEST",
    });
    const StreamARN = STREAM.replace("123456789012", "999999999999");
    expect(await failureOf("GetRecords", { ShardIterator: ShardIterator!, StreamARN })).toMatchObject({
      code: "InvalidArgumentException",
      message: "Invalid ShardIterator.",
    });
  });
});
