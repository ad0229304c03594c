import { describe, expect, test } from "vitest";
import type { ServiceUnderTest } from "../service-under-test.ts";
import { serviceUnderTest } from "../service-under-test.ts";

const STREAM = "arn:aws:kinesis:us-east-1:123456789012:stream/s";
const STATEMENT = {
  Sid: "AllowCrossAccountWrite",
  Effect: "Allow",
  Principal: { AWS: "arn:aws:iam::111111111111:root" },
  Action: ["kinesis:PutRecord", "kinesis:PutRecords"],
  Resource: STREAM,
};
const policyOf = (statement: object): string =>
  JSON.stringify({ Version: "2012-10-17", Statement: [{ ...STATEMENT, ...statement }] });

async function withStream(): Promise<ServiceUnderTest> {
  const service = await serviceUnderTest({ limits: { mode: "off" } });
  await service.createStream("s", 1);
  return service;
}

describe("resource policy", () => {
  test("is given back as it was put, {} before and after, through a restart too", async () => {
    const { call, restart } = await withStream();
    const get = async () => (await call("GetResourcePolicy", { ResourceARN: STREAM })).Policy;
    expect(await get()).toBe("{}");
    await call("PutResourcePolicy", { ResourceARN: STREAM, Policy: policyOf({}) });
    const second = ` ${policyOf({ Action: "kinesis:GetRecords" })}`;
    await call("PutResourcePolicy", { ResourceARN: STREAM, Policy: second });
    expect(await get()).toBe(second);
    const service = await restart();
    expect((await service.call("GetResourcePolicy", { ResourceARN: STREAM })).Policy).toBe(second);
    await service.call("DeleteResourcePolicy", { ResourceARN: STREAM });
    expect((await service.call("GetResourcePolicy", { ResourceARN: STREAM })).Policy).toBe("{}");
  });

  test("of a consumer is its own, and tags of both stay", async () => {
    const { call, clock } = await withStream();
    const { Consumer } = await call("RegisterStreamConsumer", {
      StreamARN: STREAM,
      ConsumerName: "c",
      Tags: { a: "1" },
    });
    await clock.advance(60);
    const { ConsumerARN: ResourceARN } = Consumer;
    const Policy = policyOf({ Action: "kinesis:SubscribeToShard", Resource: ResourceARN });
    await call("PutResourcePolicy", { ResourceARN, Policy });
    expect(await call("GetResourcePolicy", { ResourceARN })).toEqual({ Policy });
    expect(await call("GetResourcePolicy", { ResourceARN: STREAM })).toEqual({ Policy: "{}" });
    await call("TagResource", { ResourceARN, Tags: { b: "2" } });
    expect(await call("GetResourcePolicy", { ResourceARN })).toEqual({ Policy });
    await call("DeleteResourcePolicy", { ResourceARN });
    expect((await call("ListTagsForResource", { ResourceARN })).Tags).toHaveLength(2);
  });

  test("that is not there cannot be deleted", async () => {
    const { failureOf } = await withStream();
    expect(await failureOf("DeleteResourcePolicy", { ResourceARN: STREAM })).toEqual({
      code: "ResourceNotFoundException",
      message: `No resource policy found for resource ARN ${STREAM}`,
      status: 400,
    });
  });

  test("needs a stream that is there, and not about to be gone", async () => {
    const { call, failureOf } = await withStream();
    const other = STREAM.replace("/s", "/t");
    for (const failure of [
      await failureOf("PutResourcePolicy", { ResourceARN: other, Policy: policyOf({}) }),
      await failureOf("GetResourcePolicy", { ResourceARN: other }),
      await failureOf("DeleteResourcePolicy", { ResourceARN: other }),
    ]) {
      expect(failure.message).toBe("Stream t under account 123456789012 not found.");
      expect(failure.code).toBe("ResourceNotFoundException");
    }
    await call("DeleteStream", { StreamName: "s" });
    expect((await failureOf("PutResourcePolicy", { ResourceARN: STREAM, Policy: policyOf({}) })).code).toBe(
      "ResourceInUseException",
    );
  });

  test.each([
    ["no JSON", "{"],
    ["no object", "[]"],
    ["an unknown element", JSON.stringify({ Statement: STATEMENT, Else: 1 })],
    ["an unknown version", JSON.stringify({ Version: "2013-12-02", Statement: STATEMENT })],
    ["no statement", JSON.stringify({ Version: "2012-10-17" })],
    ["an empty list of statements", JSON.stringify({ Version: "2012-10-17", Statement: [] })],
    ["a statement that is none", JSON.stringify({ Version: "2012-10-17", Statement: ["Allow"] })],
    ["an unknown element of a statement", policyOf({ Actions: "kinesis:PutRecord" })],
    ["an unknown effect", policyOf({ Effect: "allow" })],
    ["no principal", policyOf({ Principal: undefined })],
    ["a principal twice", policyOf({ NotPrincipal: "*" })],
    ["a principal without kind", policyOf({ Principal: "arn:aws:iam::111111111111:root" })],
    ["an action that is no text", policyOf({ Action: 5 })],
    ["no actions", policyOf({ Action: [] })],
    ["no resource", policyOf({ Resource: undefined })],
    ["a condition that is none", policyOf({ Condition: "never" })],
  ])("with %s is refused", async (_what, policy) => {
    const { call, failureOf } = await withStream();
    expect(await failureOf("PutResourcePolicy", { ResourceARN: STREAM, Policy: policy })).toMatchObject({
      code: "InvalidArgumentException",
      message: expect.stringMatching(/^The policy is not valid: .*\.$/) as string,
    });
    expect((await call("GetResourcePolicy", { ResourceARN: STREAM })).Policy).toBe("{}");
  });

  test.each([
    ["any principal", policyOf({ Principal: "*" })],
    ["one statement without a list", JSON.stringify({ Statement: STATEMENT })],
    [
      "conditions and negations",
      policyOf({ NotAction: "kinesis:PutRecord", Action: undefined, Condition: { Bool: {} } }),
    ],
  ])("with %s is taken", async (_what, policy) => {
    const { call } = await withStream();
    await call("PutResourcePolicy", { ResourceARN: STREAM, Policy: policy });
  });

  test("has 20 KiB at most", async () => {
    const { failureOf } = await withStream();
    const Policy = policyOf({ Sid: "x".repeat(20_480) });
    expect((await failureOf("PutResourcePolicy", { ResourceARN: STREAM, Policy })).code).toBe(
      "LimitExceededException",
    );
  });
});
