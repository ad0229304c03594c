import { describe, expect, test } from "vitest";
import * as suite from "../src/suite.ts";

const { newAccount, refused, refusedAsInvalid, ring, specify, violates } = suite;

const scaling = (TargetShardCount: number) => ({ TargetShardCount, ScalingType: "UNIFORM_SCALING" });

async function scaled(from: number, to: number) {
  const account = newAccount();
  const stream = await account.stream({ ShardCount: from });
  const answer = await account.call("UpdateShardCount", { StreamName: stream.name, ...scaling(to) });
  await account.settled(stream.name);
  const { Shards } = await account.call("ListShards", {
    StreamName: stream.name,
    ShardFilter: { Type: "AT_LATEST" },
  });
  return { account, stream, answer, Shards };
}

specify("UpdateShardCount", () => {
  test("answers what it was and what it will be", async () => {
    const { answer, stream } = await scaled(2, 4);
    expect(answer).toMatchObject({
      StreamName: stream.name,
      StreamARN: stream.arn,
      CurrentShardCount: 2,
      TargetShardCount: 4,
    });
  });

  test.each([
    { from: 1, to: 2 },
    { from: 2, to: 4 },
    { from: 4, to: 2 },
    { from: 2, to: 1 },
    { from: 2, to: 3 },
    { from: 4, to: 3 },
    { from: 3, to: 5 },
  ])("from $from to $to leaves open shards that tile the ring evenly", async ({ from, to }) => {
    const { Shards } = await scaled(from, to);
    const ranges = Shards.map(({ HashKeyRange }) => ({
      start: BigInt(HashKeyRange.StartingHashKey),
      end: BigInt(HashKeyRange.EndingHashKey),
    })).toSorted((left, right) => (left.start < right.start ? -1 : 1));
    expect(ranges).toHaveLength(to);
    expect(ranges[0]?.start).toBe(0n);
    expect(ranges.at(-1)?.end).toBe(ring.last);
    const even = (ring.last + 1n) / BigInt(to);
    for (const [index, { start, end }] of ranges.entries()) {
      if (index > 0) expect(start).toBe((ranges[index - 1]?.end ?? 0n) + 1n);
      const off = end - start + 1n - even;
      // Rounding is the service's own affair; a shard of another size is not.
      expect(off < 0n ? -off : off).toBeLessThan(1_000n);
    }
  });

  test("keeps every record readable", async () => {
    const account = newAccount();
    const stream = await account.stream({ ShardCount: 2 });
    await account.call("PutRecords", {
      StreamName: stream.name,
      Records: suite.times(20, (index) => ({ Data: suite.utf8(`${index}`), PartitionKey: `${index}` })),
    });
    await account.call("UpdateShardCount", { StreamName: stream.name, ...scaling(1) });
    await account.settled(stream.name);
    const read = await Promise.all(
      [0, 1].map((index) => suite.readShard(account, stream, suite.shard(index))),
    );
    expect(read.flat()).toHaveLength(20);
  });

  test.each([
    { what: "more than double", from: 2, to: 5 },
    { what: "less than half", from: 4, to: 1 },
  ])("$what is refused", async ({ from, to }) => {
    const account = newAccount();
    const { name } = await account.stream({ ShardCount: from });
    await refusedAsInvalid(
      "UpdateShardCount",
      account.call("UpdateShardCount", { StreamName: name, ...scaling(to) }).catch((error: unknown) => {
        // AWS answers LimitExceeded or InvalidArgument here: its reference says one, its users the other.
        if ((error as suite.CallError).code === "LimitExceededException") {
          throw new suite.CallError("InvalidArgumentException", (error as Error).message, 400);
        }
        throw error;
      }),
    );
  });

  test("an on-demand stream is refused", async () => {
    const account = newAccount();
    const { name } = await account.stream({ StreamModeDetails: { StreamMode: "ON_DEMAND" } });
    await refusedAsInvalid(
      "UpdateShardCount",
      account.call("UpdateShardCount", { StreamName: name, ...scaling(8) }),
    );
  });

  suite.timed("ten times a day, and no more", async (advance) => {
    const account = newAccount();
    const { name } = await account.stream();
    for (let time = 0; time < 10; time++) {
      await suite.patiently(() =>
        account.call("UpdateShardCount", { StreamName: name, ...scaling(time % 2 === 0 ? 2 : 1) }),
      );
      await advance(1_000);
      await account.settled(name);
    }
    await refused(
      "UpdateShardCount",
      "LimitExceededException",
      account.call("UpdateShardCount", { StreamName: name, ...scaling(2) }),
    );
    await advance(24 * 3_600_000);
    await account.call("UpdateShardCount", { StreamName: name, ...scaling(2) });
  });

  describe("validation", () => {
    test("a target and a way are needed", async () => {
      await violates("UpdateShardCount", newAccount().call("UpdateShardCount", { StreamName: "none" }), [
        suite.mustNotBeNull("targetShardCount"),
        suite.mustNotBeNull("scalingType"),
      ]);
    });

    test("there is one way", async () => {
      await suite.violatesValues(
        "UpdateShardCount",
        newAccount().call("UpdateShardCount", {
          StreamName: "none",
          TargetShardCount: 2,
          ScalingType: "FAST",
        }),
        "scalingType",
        "FAST",
        ["UNIFORM_SCALING"],
      );
    });

    test("there is at least one shard", async () => {
      await violates(
        "UpdateShardCount",
        newAccount().call("UpdateShardCount", { StreamName: "none", ...scaling(0) }),
        [suite.tooSmall("targetShardCount", 0, 1)],
      );
    });
  });

  suite.needsActiveStream("UpdateShardCount", (_, { name }) => ({ StreamName: name, ...scaling(2) }));
  suite.streamAddressing("UpdateShardCount", () => scaling(2));
  suite.injectedErrors("UpdateShardCount", async (account) => ({
    StreamName: (await account.stream()).name,
    ...scaling(2),
  }));
});
