import { describe, expect, test } from "vitest";
import * as suite from "../src/suite.ts";

const { newAccount, patiently, refused, ring, shard, specify, utf8, violates } = suite;

const half = String((ring.last + 1n) / 2n);
const split = { ShardToSplit: shard(0), NewStartingHashKey: half };

specify("SplitShard", () => {
  test("closes the shard and opens two children that share its range", async () => {
    const account = newAccount();
    const { name } = await account.stream();
    await account.call("SplitShard", { StreamName: name, ...split });
    await account.settled(name);
    const { Shards } = await account.call("ListShards", { StreamName: name });
    expect(Shards.map(({ ShardId }) => ShardId)).toEqual([shard(0), shard(1), shard(2)]);
    const [parent, left, right] = Shards;
    expect(parent?.SequenceNumberRange.EndingSequenceNumber).toMatch(/^49\d{54}$/);
    expect(left?.HashKeyRange).toEqual({ StartingHashKey: "0", EndingHashKey: String(BigInt(half) - 1n) });
    expect(right?.HashKeyRange).toEqual({ StartingHashKey: half, EndingHashKey: String(ring.last) });
    const end = BigInt(parent?.SequenceNumberRange.EndingSequenceNumber ?? 0);
    for (const child of [left, right]) {
      expect(BigInt(child?.SequenceNumberRange.StartingSequenceNumber ?? 0)).toBeGreaterThan(end);
    }
  });

  test("leaves the stream UPDATING meanwhile, and it goes on taking records", async () => {
    const account = newAccount();
    await account.id();
    await suite.whileInState(async () => {
      const stream = await account.stream();
      const { name } = stream;
      await patiently(() => account.call("SplitShard", { StreamName: name, ...split }));
      const { StreamDescriptionSummary } = await patiently(() =>
        account.call("DescribeStreamSummary", { StreamName: name }),
      );
      if (StreamDescriptionSummary.StreamStatus !== "UPDATING") throw new Error("too slow to see it");
      await account.call("PutRecord", { StreamName: name, Data: utf8("x"), PartitionKey: "k" });
      await account.settled(name);
    });
  });

  test("sends later records to the children, with numbers above those of the parent", async () => {
    const account = newAccount();
    const stream = await account.stream();
    const put = (ExplicitHashKey: string) =>
      account.call("PutRecord", {
        StreamName: stream.name,
        Data: utf8("x"),
        PartitionKey: "k",
        ExplicitHashKey,
      });
    const before = await put(half);
    await account.call("SplitShard", { StreamName: stream.name, ...split });
    await account.settled(stream.name);
    const [left, right] = [await put("0"), await put(half)];
    expect([before.ShardId, left.ShardId, right.ShardId]).toEqual([shard(0), shard(1), shard(2)]);
    expect(BigInt(left.SequenceNumber)).toBeGreaterThan(BigInt(before.SequenceNumber));
    expect(BigInt(right.SequenceNumber)).toBeGreaterThan(BigInt(before.SequenceNumber));
    expect(await suite.readShard(account, stream, shard(0))).toHaveLength(1);
  });

  test("loses none of the records that are put while it happens, and puts each into one shard", async () => {
    const account = newAccount();
    const stream = await account.stream();
    const splitting = account.call("SplitShard", { StreamName: stream.name, ...split });
    const put = await Promise.all(
      suite.times(60, (index) =>
        account.call("PutRecord", {
          StreamName: stream.name,
          Data: utf8(String(index)),
          PartitionKey: String(index),
        }),
      ),
    );
    await splitting;
    await account.settled(stream.name);
    const read = await Promise.all([0, 1, 2].map((index) => suite.readShard(account, stream, shard(index))));
    const where = read.flatMap((records, index) =>
      records.map(({ SequenceNumber }) => `${shard(index)} ${SequenceNumber}`),
    );
    expect(where.toSorted()).toEqual(
      put.map(({ ShardId, SequenceNumber }) => `${ShardId} ${SequenceNumber}`).toSorted(),
    );
  });

  describe("the new starting hash key", () => {
    test.each([
      { where: "at the start of the shard", NewStartingHashKey: "0" },
      { where: "at its end", NewStartingHashKey: String(ring.last) },
      { where: "behind its end", NewStartingHashKey: String(ring.last + 5n) },
    ])("is refused $where", async ({ NewStartingHashKey }) => {
      const account = newAccount();
      const { name } = await account.stream();
      await refused(
        "SplitShard",
        "InvalidArgumentException",
        account.call("SplitShard", { StreamName: name, ShardToSplit: shard(0), NewStartingHashKey }),
        `NewStartingHashKey ${NewStartingHashKey} used in SplitShard() on shard ${shard(0)} in stream ${name} under account ${await account.id()} ` +
          `is not both greater than one plus the shard's StartingHashKey 0 and less than the shard's EndingHashKey ${ring.last}.`,
      );
    });

    test("may be two behind the start", async () => {
      const account = newAccount();
      const { name } = await account.stream();
      await account.call("SplitShard", { StreamName: name, ShardToSplit: shard(0), NewStartingHashKey: "2" });
      await account.settled(name);
      const { Shards } = await account.call("ListShards", { StreamName: name });
      expect(Shards[1]?.HashKeyRange).toEqual({ StartingHashKey: "0", EndingHashKey: "1" });
    });
  });

  test("refuses a shard that the stream does not have", async () => {
    const account = newAccount();
    const { name } = await account.stream();
    await refused(
      "SplitShard",
      "ResourceNotFoundException",
      account.call("SplitShard", { StreamName: name, ...split, ShardToSplit: shard(9) }),
      `Could not find shard ${shard(9)} in stream ${name} under account ${await account.id()}.`,
    );
  });

  test("refuses a shard that is closed already", async () => {
    const account = newAccount();
    const { name } = await account.stream();
    await account.call("SplitShard", { StreamName: name, ...split });
    await account.settled(name);
    const again = account.call("SplitShard", { StreamName: name, ...split });
    await again.then(
      () => expect.fail("a closed shard was split"),
      (error: suite.CallError) =>
        expect(["InvalidArgumentException", "ResourceInUseException"]).toContain(error.code),
    );
  });

  test("refuses a stream that is still updating", async () => {
    const account = newAccount();
    await account.id();
    await suite.whileInState(async () => {
      const { name } = await account.stream({ ShardCount: 2 });
      await patiently(() =>
        account.call("SplitShard", { StreamName: name, ShardToSplit: shard(0), NewStartingHashKey: "1000" }),
      );
      await refused(
        "SplitShard",
        "ResourceInUseException",
        account.call("SplitShard", {
          StreamName: name,
          ShardToSplit: shard(1),
          NewStartingHashKey: String(ring.last - 1000n),
        }),
        `Stream ${name} under account ${await account.id()} not ACTIVE, instead in state UPDATING`,
      );
    });
  });

  test("is limited to five calls a second", async () => {
    const account = newAccount();
    const { name } = await account.stream();
    await suite.meetsLimit(
      "SplitShard",
      "LimitExceededException",
      suite.burst(account, "SplitShard", 20, () => ({ StreamName: name, ...split })),
      /^Rate exceeded for /,
    );
  });

  describe("validation", () => {
    test.each([
      {
        rule: "a shard and a hash key are needed",
        input: {},
        expected: [suite.mustNotBeNull("shardToSplit"), suite.mustNotBeNull("newStartingHashKey")],
      },
      {
        rule: "a hash key is a number",
        input: { ...split, NewStartingHashKey: "x" },
        expected: [suite.offPattern("newStartingHashKey", "x", suite.patterns.hashKey)],
      },
      {
        rule: "a shard id has the characters of one",
        input: { ...split, ShardToSplit: "a b" },
        expected: [suite.offPattern("shardToSplit", "a b", suite.patterns.name)],
      },
    ])("$rule", async ({ input, expected }) => {
      await violates(
        "SplitShard",
        newAccount().call("SplitShard", { StreamName: "none", ...input }),
        expected,
      );
    });
  });

  suite.needsActiveStream("SplitShard", (_, { name }) => ({ StreamName: name, ...split }));
  suite.streamAddressing("SplitShard", () => split);
  suite.injectedErrors("SplitShard", async (account) => ({
    StreamName: (await account.stream()).name,
    ...split,
  }));
});
