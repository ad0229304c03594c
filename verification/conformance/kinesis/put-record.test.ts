import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import * as suite from "../src/suite.ts";

const { newAccount, readShard, refused, refusedAsInvalid, ring, shard, specify, utf8, violates } = suite;

const record = { Data: utf8("some data"), PartitionKey: "key" };

const hashKeyOf = (partitionKey: string): bigint =>
  BigInt(`0x${createHash("md5").update(partitionKey, "utf8").digest("hex")}`);

specify("PutRecord", () => {
  test("answers the shard and the sequence number of the record that is read later", async () => {
    const account = newAccount();
    const stream = await account.stream();
    const answer = await account.call("PutRecord", { StreamName: stream.name, ...record });
    expect(answer.ShardId).toBe(shard(0));
    expect(answer.SequenceNumber).toMatch(/^49\d{54}$/);
    expect(["NONE", undefined]).toContain(answer.EncryptionType);
    const [read] = await readShard(account, stream);
    expect(read).toMatchObject({ SequenceNumber: answer.SequenceNumber, PartitionKey: "key" });
    expect(read?.Data).toEqual(record.Data);
    expect(read?.EncryptionType).toBeUndefined();
  });

  test("numbers the records of a shard in the order in which they were put", async () => {
    const account = newAccount();
    const { name } = await account.stream();
    let last = 0n;
    for (let index = 0; index < 10; index++) {
      const { SequenceNumber } = await account.call("PutRecord", { StreamName: name, ...record });
      expect(BigInt(SequenceNumber)).toBeGreaterThan(last);
      last = BigInt(SequenceNumber);
    }
  });

  describe("data", () => {
    test.each([
      { what: "no bytes", Data: utf8("") },
      { what: "every byte", Data: Uint8Array.from({ length: 256 }, (_, byte) => byte) },
      { what: "text outside of ASCII", Data: utf8("ünicödé 统一码 💣💻🔥") },
      { what: "one byte", Data: Uint8Array.of(0xff) },
      { what: "two bytes", Data: Uint8Array.of(0xfe, 0xff) },
      { what: "a thousand bytes", Data: utf8("a".repeat(1000)) },
    ])("of $what is read as it was put", async ({ Data }) => {
      const account = newAccount();
      const stream = await account.stream();
      await account.call("PutRecord", { StreamName: stream.name, PartitionKey: "1", Data });
      const [read] = await readShard(account, stream);
      expect(Buffer.compare(read?.Data ?? Uint8Array.of(), Data)).toBe(0);
    });

    test("of 1 MiB including its key is taken, one byte more is not", async () => {
      const account = newAccount();
      const { name } = await account.stream();
      const Data = new Uint8Array(1_048_576 - 1);
      await account.call("PutRecord", { StreamName: name, PartitionKey: "k", Data });
      await refusedAsInvalid(
        "PutRecord",
        account.call("PutRecord", { StreamName: name, PartitionKey: "kk", Data }),
      );
    });

    test("of more than 10 MiB breaks a constraint", async () => {
      const account = newAccount();
      await violates(
        "PutRecord",
        account.call("PutRecord", {
          StreamName: "none",
          PartitionKey: "k",
          Data: new Uint8Array(10_485_761),
        }),
        [
          suite.violation(
            "data",
            "java.nio.HeapByteBuffer[pos=0 lim=10485761 cap=10485761]",
            "Member must have length less than or equal to 10485760",
          ),
        ],
      );
    });
  });

  describe("a partition key", () => {
    test.each([
      "a",
      "b",
      "user-17",
      "schlüssel",
      "统一码",
      "💣💻🔥",
      'with "quotes" and \\ backslash',
      "line\nbreak\ttab",
      "\u0001\u001f",
      "</script>&amp;",
      "x".repeat(256),
    ])("goes to the shard that owns the MD5 of its UTF-8 bytes: %j", async (PartitionKey) => {
      const account = newAccount();
      const stream = await account.stream({ ShardCount: 4 });
      const { ShardId } = await account.call("PutRecord", {
        StreamName: stream.name,
        Data: utf8("x"),
        PartitionKey,
      });
      const quarter = (ring.last + 1n) / 4n;
      expect(ShardId).toBe(shard(Number(hashKeyOf(PartitionKey) / quarter)));
      const [read] = await readShard(account, stream, ShardId);
      expect(read?.PartitionKey).toBe(PartitionKey);
    });

    test("is needed in a stream whose producers give the keys", async () => {
      const account = newAccount();
      const { name } = await account.stream();
      await refusedAsInvalid("PutRecord", account.call("PutRecord", { StreamName: name, Data: utf8("x") }));
    });
  });

  describe("an explicit hash key", () => {
    test.each([
      { ExplicitHashKey: "0", index: 0 },
      { ExplicitHashKey: String((ring.last + 1n) / 2n - 1n), index: 0 },
      { ExplicitHashKey: String((ring.last + 1n) / 2n), index: 1 },
      { ExplicitHashKey: String(ring.last), index: 1 },
    ])("goes before the partition key: $ExplicitHashKey", async ({ ExplicitHashKey, index }) => {
      const account = newAccount();
      const { name } = await account.stream({ ShardCount: 2 });
      const { ShardId } = await account.call("PutRecord", { StreamName: name, ...record, ExplicitHashKey });
      expect(ShardId).toBe(shard(index));
    });

    test.each([String(ring.last + 1n), "9".repeat(39)])(
      "beyond the ring is refused: %s",
      async (ExplicitHashKey) => {
        const account = newAccount();
        const { name } = await account.stream();
        await refused(
          "PutRecord",
          "InvalidArgumentException",
          account.call("PutRecord", { StreamName: name, ...record, ExplicitHashKey }),
          `Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was ${ExplicitHashKey}`,
        );
      },
    );

    test.each(["-1", "007", "1e3", " 1", "", "1".repeat(40)])(
      "that is no number is refused: %j",
      async (ExplicitHashKey) => {
        await violates(
          "PutRecord",
          newAccount().call("PutRecord", { StreamName: "none", ...record, ExplicitHashKey }),
          [suite.offPattern("explicitHashKey", ExplicitHashKey, suite.patterns.hashKey)],
        );
      },
    );
  });

  describe("SequenceNumberForOrdering", () => {
    test("puts the record behind an earlier one", async () => {
      const account = newAccount();
      const { name } = await account.stream();
      const first = await account.call("PutRecord", { StreamName: name, ...record });
      const second = await account.call("PutRecord", {
        StreamName: name,
        ...record,
        SequenceNumberForOrdering: first.SequenceNumber,
      });
      expect(BigInt(second.SequenceNumber)).toBeGreaterThan(BigInt(first.SequenceNumber));
    });

    test("that the service never gave is refused", async () => {
      const account = newAccount();
      const { name } = await account.stream();
      const SequenceNumberForOrdering = suite.neverGiven;
      await refused(
        "PutRecord",
        "InvalidArgumentException",
        account.call("PutRecord", { StreamName: name, ...record, SequenceNumberForOrdering }),
        `ExclusiveMinimumSequenceNumber ${SequenceNumberForOrdering} used in PutRecord on stream ${name} under account ${await account.id()} is invalid.`,
      );
    });

    test("that is no number is refused", async () => {
      await violates(
        "PutRecord",
        newAccount().call("PutRecord", { StreamName: "none", ...record, SequenceNumberForOrdering: "abc" }),
        [suite.offPattern("sequenceNumberForOrdering", "abc", suite.patterns.sequenceNumber)],
      );
    });
  });

  describe("validation", () => {
    test.each([
      { rule: "data is needed", input: { PartitionKey: "k" }, expected: [suite.mustNotBeNull("data")] },
      {
        rule: "a key is not empty",
        input: { Data: utf8("x"), PartitionKey: "" },
        expected: [suite.tooShort("partitionKey", "", 1)],
      },
      {
        rule: "a key is at most 256 characters long",
        input: { Data: utf8("x"), PartitionKey: "k".repeat(257) },
        expected: [suite.tooLong("partitionKey", "k".repeat(257), 256)],
      },
    ])("$rule", async ({ input, expected }) => {
      await violates("PutRecord", newAccount().call("PutRecord", { StreamName: "none", ...input }), expected);
    });

    test("comes before the stream is looked up", async () => {
      await refused(
        "PutRecord",
        "ValidationException",
        newAccount().call("PutRecord", { StreamName: "none", PartitionKey: "k" }),
      );
    });
  });

  test("a stream that is being created takes no records yet", async () => {
    const account = newAccount();
    await account.id();
    await suite.whileInState(async () => {
      const name = await account.creatingStream();
      return refused(
        "PutRecord",
        "ResourceNotFoundException",
        account.call("PutRecord", { StreamName: name, ...record }),
        suite.unknownStream(name, await account.id()),
      );
    });
  });

  test("a shard takes 1 MiB a second", async () => {
    const account = newAccount();
    const { name } = await account.stream();
    await suite.meetsLimit(
      "PutRecord",
      "ProvisionedThroughputExceededException",
      suite.burst(account, "PutRecord", 8, () => ({
        StreamName: name,
        PartitionKey: "k",
        Data: new Uint8Array(600_000),
      })),
      suite.rateOfShard(shard(0), name, await account.id()),
    );
  });

  suite.member("DryRun", "a dry run says that it would succeed, and stores nothing", async () => {
    const account = newAccount();
    const stream = await account.stream();
    await refused(
      "PutRecord",
      "DryRunOperationException",
      account.call("PutRecord", { StreamName: stream.name, ...record, DryRun: true }),
    );
    expect(await readShard(account, stream)).toEqual([]);
  });

  suite.member("DryRun", "a dry run of a call that would fail says so", async () => {
    const account = newAccount();
    await refused(
      "PutRecord",
      "ResourceNotFoundException",
      account.call("PutRecord", { StreamName: "none", ...record, DryRun: true }),
    );
  });

  suite.streamAddressing("PutRecord", () => record);
  suite.injectedErrors("PutRecord", async (account) => ({
    StreamName: (await account.stream()).name,
    ...record,
  }));
});
