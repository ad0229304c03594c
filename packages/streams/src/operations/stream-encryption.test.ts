import { describe, expect, test } from "vitest";
import type { ServiceUnderTest } from "../service-under-test.ts";
import { serviceUnderTest } from "../service-under-test.ts";

const KEY = { StreamName: "s", EncryptionType: "KMS", KeyId: "alias/aws/kinesis" } as const;
const RECORD = { PartitionKey: "a", Data: Buffer.from("x") };
const HOUR_MS = 3_600_000;

async function withStream(): Promise<ServiceUnderTest> {
  const service = await serviceUnderTest();
  await service.createStream("s", 1);
  return service;
}

async function described({ call }: ServiceUnderTest): Promise<unknown[]> {
  const { StreamDescription: one } = await call("DescribeStream", { StreamName: "s" });
  const { StreamDescriptionSummary: other } = await call("DescribeStreamSummary", { StreamName: "s" });
  const told = [one.StreamStatus, one.EncryptionType, one.KeyId];
  expect([other.StreamStatus, other.EncryptionType, other.KeyId]).toEqual(told);
  return told;
}

async function typesOfRecords({ call }: ServiceUnderTest): Promise<(string | undefined)[]> {
  const { ShardIterator } = await call("GetShardIterator", {
    StreamName: "s",
    ShardId: "0",
    ShardIteratorType: "TRIM_HORIZON",
  });
  const { Records } = await call("GetRecords", { ShardIterator: ShardIterator! });
  return Records.map(({ EncryptionType }) => EncryptionType);
}

describe("stream encryption", () => {
  test("starting and stopping make the stream UPDATING and then ACTIVE", async () => {
    const service = await withStream();
    const { call, clock } = service;
    expect(await described(service)).toEqual(["ACTIVE", "NONE", undefined]);
    await call("StartStreamEncryption", KEY);
    expect(await described(service)).toEqual(["UPDATING", "KMS", KEY.KeyId]);
    await clock.advance(50);
    expect(await described(service)).toEqual(["ACTIVE", "KMS", KEY.KeyId]);
    await call("StopStreamEncryption", KEY);
    expect(await described(service)).toEqual(["UPDATING", "NONE", undefined]);
    await clock.advance(50);
    expect(await described(service)).toEqual(["ACTIVE", "NONE", undefined]);
  });

  test("a record carries what was set when it was put, whatever becomes of the stream", async () => {
    const service = await withStream();
    const { call, clock, restart } = service;
    const put = async () => {
      const { EncryptionType: one } = await call("PutRecord", { StreamName: "s", ...RECORD });
      const { EncryptionType: many } = await call("PutRecords", { StreamName: "s", Records: [RECORD] });
      await clock.advance(1_000);
      return [one, many];
    };
    expect(await put()).toEqual([undefined, undefined]);
    await call("StartStreamEncryption", KEY);
    expect(await put()).toEqual(["KMS", "KMS"]);
    await call("StartStreamEncryption", { ...KEY, KeyId: "alias/other" });
    expect(await put()).toEqual(["KMS", "KMS"]);
    await call("StopStreamEncryption", KEY);
    expect(await put()).toEqual([undefined, undefined]);
    await call("StartStreamEncryption", KEY);
    expect(await put()).toEqual(["KMS", "KMS"]);
    const none = [undefined, undefined];
    const kms = ["KMS", "KMS"];
    expect(await typesOfRecords(service)).toEqual([...none, ...kms, ...kms, ...none, ...kms]);
    expect(await typesOfRecords(await restart())).toEqual([...none, ...kms, ...kms, ...none, ...kms]);
  });

  test("stopping what is not encrypted changes nothing", async () => {
    const service = await withStream();
    await service.call("StopStreamEncryption", KEY);
    expect(await described(service)).toEqual(["ACTIVE", "NONE", undefined]);
  });

  test("both may succeed 25 times in 24 hours, which roll on and survive a restart", async () => {
    const service = await withStream();
    const { call, clock, failureOf } = service;
    for (let turn = 0; turn < 25; turn += 1) {
      await call("StartStreamEncryption", KEY);
      await clock.advance(50);
      await call("StopStreamEncryption", KEY);
      await clock.advance(HOUR_MS / 2);
    }
    const expected = {
      code: "LimitExceededException",
      message: "Rate exceeded for stream s under account 123456789012.",
      status: 400,
    };
    expect(await failureOf("StartStreamEncryption", KEY)).toEqual(expected);
    const restarted = await service.restart();
    expect(await restarted.failureOf("StartStreamEncryption", KEY)).toEqual(expected);
    await clock.advance(11.5 * HOUR_MS);
    await restarted.call("StartStreamEncryption", KEY);
    expect((await restarted.failureOf("StartStreamEncryption", KEY)).code).toBe("ResourceInUseException");
    await clock.advance(50);
    expect(await restarted.failureOf("StartStreamEncryption", KEY)).toEqual(expected);
  });

  test.each([
    "0a1b2c3d-0a1b-2c3d-4e5f-0a1b2c3d4e5f",
    "mrk-0a1b2c3d0a1b2c3d4e5f0a1b2c3d4e5f",
    "alias/mine",
    "arn:aws:kms:us-east-1:123456789012:key/0a1b2c3d-0a1b-2c3d-4e5f-0a1b2c3d4e5f",
    "arn:aws:kms:us-east-1:123456789012:alias/mine",
  ])("a key can be named as %s", async (KeyId) => {
    const { call } = await withStream();
    await call("StartStreamEncryption", { ...KEY, KeyId });
  });

  test.each(["key", "alias/", "arn:aws:kms:us-east-1:123456789012:key/5", "arn:aws:s3:::bucket"])(
    "a key named %s is refused",
    async (KeyId) => {
      const { failureOf } = await withStream();
      expect((await failureOf("StartStreamEncryption", { ...KEY, KeyId })).code).toBe(
        "InvalidArgumentException",
      );
      expect((await failureOf("StopStreamEncryption", { ...KEY, KeyId })).code).toBe(
        "InvalidArgumentException",
      );
    },
  );

  test("KMS is the only type, and a stream must be there and ACTIVE", async () => {
    const { call, failureOf } = await withStream();
    await call("CreateStream", { StreamName: "t", ShardCount: 1 });
    for (const operation of ["StartStreamEncryption", "StopStreamEncryption"] as const) {
      expect((await failureOf(operation, { ...KEY, EncryptionType: "NONE" })).code).toBe(
        "InvalidArgumentException",
      );
      expect((await failureOf(operation, { ...KEY, StreamName: "u" })).code).toBe(
        "ResourceNotFoundException",
      );
      expect((await failureOf(operation, { ...KEY, StreamName: "t" })).code).toBe("ResourceInUseException");
    }
  });
});
