import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import * as suite from "../src/suite.ts";

const { newAccount, refused, refusedAsInvalid, shard, specify, violates } = suite;

const size = (MaxRecordSizeInKiB: number) => ({ MaxRecordSizeInKiB });
const digest = (data: Uint8Array) => createHash("sha256").update(data).digest("hex");

specify("UpdateMaxRecordSize", () => {
  test("lets a stream take records of 10 MiB", async () => {
    const account = newAccount();
    const stream = await account.stream();
    await account.call("UpdateMaxRecordSize", { StreamARN: stream.arn, ...size(10_240) });
    await account.settled(stream.name);
    const { StreamDescriptionSummary } = await account.call("DescribeStreamSummary", {
      StreamName: stream.name,
    });
    expect(StreamDescriptionSummary.MaxRecordSizeInKiB).toBe(10_240);
    const Data = Uint8Array.from({ length: 10_485_760 - 1 }, (_, index) => (index * 31) & 0xff);
    await account.call("PutRecord", { StreamName: stream.name, PartitionKey: "k", Data });
    const ShardIterator = await account.iterator(stream, shard(0));
    const { Records } = await account.call("GetRecords", { ShardIterator });
    expect(Records).toHaveLength(1);
    expect(digest(Records[0]?.Data ?? new Uint8Array())).toBe(digest(Data));
  });

  test("a key counts as part of the record", async () => {
    const account = newAccount();
    const stream = await account.stream({ MaxRecordSizeInKiB: 2048 });
    await refusedAsInvalid(
      "PutRecord",
      account.call("PutRecord", {
        StreamName: stream.name,
        PartitionKey: "kk",
        Data: new Uint8Array(2048 * 1024 - 1),
      }),
    );
  });

  test("a reader that just had 10 MiB waits", async () => {
    const account = newAccount();
    const stream = await account.stream({ MaxRecordSizeInKiB: 10_240 });
    await account.call("PutRecord", {
      StreamName: stream.name,
      PartitionKey: "k",
      Data: new Uint8Array(10_485_760 - 1),
    });
    const ShardIterator = await account.iterator(stream, shard(0));
    await account.call("GetRecords", { ShardIterator });
    await refused(
      "GetRecords",
      "ProvisionedThroughputExceededException",
      account.call("GetRecords", { ShardIterator }),
    );
  });

  test("needs to be told the stream", async () => {
    await refused(
      "UpdateMaxRecordSize",
      "InvalidArgumentException",
      newAccount().call("UpdateMaxRecordSize", size(2048)),
    );
  });

  test("refuses a stream that nobody knows", async () => {
    const account = newAccount();
    await refused(
      "UpdateMaxRecordSize",
      "ResourceNotFoundException",
      account.call("UpdateMaxRecordSize", { StreamARN: await suite.arnOf(account, "none"), ...size(2048) }),
      suite.unknownStream("none", await account.id()),
    );
  });

  describe("validation", () => {
    test.each([
      { rule: "a size is needed", input: {}, expected: [suite.mustNotBeNull("maxRecordSizeInKiB")] },
      {
        rule: "a size is at least 1 MiB",
        input: size(1023),
        expected: [suite.tooSmall("maxRecordSizeInKiB", 1023, 1024)],
      },
      {
        rule: "a size is at most 10 MiB",
        input: size(10_241),
        expected: [suite.tooLarge("maxRecordSizeInKiB", 10_241, 10_240)],
      },
    ])("$rule", async ({ input, expected }) => {
      const account = newAccount();
      await violates(
        "UpdateMaxRecordSize",
        account.call("UpdateMaxRecordSize", { StreamARN: await suite.arnOf(account, "none"), ...input }),
        expected,
      );
    });
  });

  suite.needsActiveStream("UpdateMaxRecordSize", (_, { arn }) => ({ StreamARN: arn, ...size(2048) }));
  suite.injectedErrors("UpdateMaxRecordSize", async (account) => ({
    StreamARN: (await account.stream()).arn,
    ...size(2048),
  }));
});
