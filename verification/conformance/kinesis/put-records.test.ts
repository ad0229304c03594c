import { describe, expect, test } from "vitest";
import * as suite from "../src/suite.ts";

const { newAccount, readShard, refused, refusedAsInvalid, ring, shard, specify, times, utf8, violates } =
  suite;

const records = [{ Data: utf8("some data"), PartitionKey: "key" }];

specify("PutRecords", () => {
  test("answers in the order of the records, each with its shard and sequence number", async () => {
    const account = newAccount();
    const stream = await account.stream({ ShardCount: 2 });
    const half = String((ring.last + 1n) / 2n);
    const Records = times(20, (index) => ({
      Data: utf8(`record ${index}`),
      PartitionKey: `key ${index}`,
      ExplicitHashKey: index % 2 === 0 ? "0" : half,
    }));
    const answer = await account.call("PutRecords", { StreamName: stream.name, Records });
    expect(answer.FailedRecordCount).toBe(0);
    expect(answer.Records.map(({ ShardId }) => ShardId)).toEqual(times(20, (index) => shard(index % 2)));
    for (const index of [0, 1]) {
      const read = await readShard(account, stream, shard(index));
      const put = answer.Records.filter(({ ShardId }) => ShardId === shard(index));
      expect(read.map(({ SequenceNumber }) => SequenceNumber)).toEqual(
        put.map(({ SequenceNumber }) => SequenceNumber),
      );
      expect(read.map(({ Data }) => suite.text(Data))).toEqual(
        times(10, (nth) => `record ${nth * 2 + index}`),
      );
    }
    expect(answer.Records[0]?.ErrorCode).toBeUndefined();
    expect(answer.Records[0]?.ErrorMessage).toBeUndefined();
  });

  test("takes 500 records", async () => {
    const account = newAccount();
    const stream = await account.stream();
    const Records = times(500, (index) => ({ Data: utf8(String(index)), PartitionKey: String(index) }));
    const answer = await account.call("PutRecords", { StreamName: stream.name, Records });
    expect(answer.FailedRecordCount).toBe(0);
    expect(answer.Records).toHaveLength(500);
    const read = await readShard(account, stream);
    expect(read.map(({ Data }) => suite.text(Data))).toEqual(times(500, String));
  });

  test("refuses 501 records", async () => {
    const { message } = await refused(
      "PutRecords",
      "ValidationException",
      newAccount().call("PutRecords", {
        StreamName: "none",
        Records: times(501, () => ({ Data: utf8(""), PartitionKey: "k" })),
      }),
      / at 'records' failed to satisfy constraint: Member must have length less than or equal to 500$/,
    );
    expect(message).toMatch(/^1 validation error detected: Value '\[/);
  });

  test("refuses an empty list", async () => {
    await violates("PutRecords", newAccount().call("PutRecords", { StreamName: "none", Records: [] }), [
      suite.tooShort("records", "[]", 1),
    ]);
  });

  test("keeps unusual keys and data", async () => {
    const account = newAccount();
    const stream = await account.stream();
    const keys = ["ключ", "统一码", "💣", 'quote " backslash \\', "new\nline", "\u0007"];
    await account.call("PutRecords", {
      StreamName: stream.name,
      Records: keys.map((PartitionKey) => ({ Data: utf8(PartitionKey), PartitionKey })),
    });
    const read = await readShard(account, stream);
    expect(read.map(({ PartitionKey }) => PartitionKey)).toEqual(keys);
    expect(read.map(({ Data }) => suite.text(Data))).toEqual(keys);
  });

  describe("a shard that has had enough", () => {
    test("fails its records and no others", async () => {
      const account = newAccount();
      const { name } = await account.stream({ ShardCount: 2 });
      const half = String((ring.last + 1n) / 2n);
      // Five times what shard 0 takes in a second, and one small record for shard 1.
      const big = times(10, () => ({
        Data: new Uint8Array(500_000),
        PartitionKey: "k",
        ExplicitHashKey: "0",
      }));
      const Records = [...big, { Data: utf8("small"), PartitionKey: "k", ExplicitHashKey: half }];
      const answer = await account.call("PutRecords", { StreamName: name, Records });
      const failed = answer.Records.filter(({ ErrorCode }) => ErrorCode !== undefined);
      expect(failed.length).toBeGreaterThan(0);
      expect(answer.FailedRecordCount).toBe(failed.length);
      for (const entry of failed) {
        expect(entry).toMatchObject({
          ErrorCode: "ProvisionedThroughputExceededException",
          ErrorMessage: suite.rateOfShard(shard(0), name, await account.id()),
        });
        expect(entry.SequenceNumber).toBeUndefined();
        expect(entry.ShardId).toBeUndefined();
      }
      expect(answer.Records.at(-1)).toMatchObject({ ShardId: shard(1) });
    });

    test("takes 1,000 records a second", async () => {
      const account = newAccount();
      const { name } = await account.stream();
      const Records = times(500, () => ({ Data: utf8("x"), PartitionKey: "k" }));
      const answers = await Promise.all(
        times(6, () => account.call("PutRecords", { StreamName: name, Records })),
      );
      const failed = answers.reduce((sum, { FailedRecordCount }) => sum + FailedRecordCount, 0);
      // The burst may straddle a moment in which the allowance grows again.
      expect(failed).toBeGreaterThan(500);
      expect(failed).toBeLessThanOrEqual(2_000);
    });
  });

  describe("sizes", () => {
    test("more than 10 MiB in one request are refused", async () => {
      const account = newAccount();
      const { name } = await account.stream();
      await refusedAsInvalid(
        "PutRecords",
        account.call("PutRecords", {
          StreamName: name,
          Records: times(11, () => ({ Data: new Uint8Array(1_000_000), PartitionKey: "k" })),
        }),
      );
    });

    test("one record of more than the stream's largest is refused", async () => {
      const account = newAccount();
      const { name } = await account.stream();
      await refusedAsInvalid(
        "PutRecords",
        account.call("PutRecords", {
          StreamName: name,
          Records: [{ Data: new Uint8Array(1_048_576), PartitionKey: "k" }],
        }),
      );
    });
  });

  describe("validation", () => {
    test.each([
      { rule: "records are needed", input: {}, expected: [suite.mustNotBeNull("records")] },
      {
        rule: "every record needs data",
        input: { Records: [{ PartitionKey: "k" }] },
        expected: [suite.mustNotBeNull("records.1.member.data")],
      },
      {
        rule: "every key has a length",
        input: {
          Records: [
            { Data: utf8(""), PartitionKey: "k" },
            { Data: utf8(""), PartitionKey: "" },
            { Data: utf8(""), PartitionKey: "k".repeat(257) },
          ],
        },
        expected: [
          suite.tooShort("records.2.member.partitionKey", "", 1),
          suite.tooLong("records.3.member.partitionKey", "k".repeat(257), 256),
        ],
      },
      {
        rule: "every hash key is a number",
        input: { Records: [{ Data: utf8(""), PartitionKey: "k", ExplicitHashKey: "x" }] },
        expected: [suite.offPattern("records.1.member.explicitHashKey", "x", suite.patterns.hashKey)],
      },
    ])("$rule", async ({ input, expected }) => {
      await violates(
        "PutRecords",
        newAccount().call("PutRecords", { StreamName: "none", ...input }),
        expected,
      );
    });

    test("tells ten violations and no more", async () => {
      const { message } = await refused(
        "PutRecords",
        "ValidationException",
        newAccount().call("PutRecords", {
          StreamName: "none",
          Records: times(12, () => ({ Data: utf8(""), PartitionKey: "" })),
        }),
      );
      expect(message).toMatch(/^10 validation errors detected: /);
    });

    test("a hash key beyond the ring refuses the whole request", async () => {
      const account = newAccount();
      const stream = await account.stream();
      const ExplicitHashKey = String(ring.last + 1n);
      await refused(
        "PutRecords",
        "InvalidArgumentException",
        account.call("PutRecords", {
          StreamName: stream.name,
          Records: [...records, { Data: utf8("x"), PartitionKey: "k", ExplicitHashKey }],
        }),
        `Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was ${ExplicitHashKey}`,
      );
      expect(await readShard(account, stream)).toEqual([]);
    });
  });

  suite.member("DryRun", "a dry run says that it would succeed, and stores nothing", async () => {
    const account = newAccount();
    const stream = await account.stream();
    await refused(
      "PutRecords",
      "DryRunOperationException",
      account.call("PutRecords", { StreamName: stream.name, Records: records, DryRun: true }),
    );
    expect(await readShard(account, stream)).toEqual([]);
  });

  suite.streamAddressing("PutRecords", () => ({ Records: records }));
  suite.injectedErrors("PutRecords", async (account) => ({
    StreamName: (await account.stream()).name,
    Records: records,
  }));
});
