import { createKinesisClient, inProcessTransport } from "@millrace/client";
import { createConsumer, openDynamoLeaseStore } from "@millrace/consumer";
import type { ServerCore } from "@millrace/server";
import { afterEach, describe, expect, test } from "vitest";
import { freed, lease, leasesAt, putLeases, SHARDS, tablesAt } from "../migrating/leases-under-test.ts";
import { odd, type OddServers, oddServers } from "../migrating/odd-numbers-under-test.ts";
import {
  clientOf,
  closeServers,
  COPY,
  everything,
  putSome,
  type SeenShard,
} from "../migrating/two-servers-under-test.ts";

afterEach(closeServers);

const RENUMBER = `${COPY} --stream clicks --finish --renumber`;

describe("a lease table", () => {
  const TABLE = `${RENUMBER} --lease-table app`;

  test("says the same of the copy: records by their new numbers, words as they are, and nobody owns a lease", async () => {
    const at = await oddServers();
    await putSome(at, 60);
    const before = await everything(at, at.from);
    const [first, second] = before.map(({ records }) =>
      records.map(({ SequenceNumber }) => SequenceNumber),
    ) as [string[], string[]];
    const state = { pendingCheckpointState: { B: Buffer.from([1, 2, 3]) } };
    const items = [
      lease(SHARDS[0], odd(first[9]!), {
        pendingCheckpoint: { S: odd(first[12]!) },
        pendingCheckpointSubSequenceNumber: { N: "2" },
        ...state,
        childShardIds: { SS: ["shardId-000000000008", "shardId-000000000009"] },
      }),
      lease(SHARDS[1], odd(String(BigInt(second[4]!) + 1n))),
    ];
    await putLeases(at, at.from, [
      ...items,
      { leaseKey: { S: "leader" }, entityType: { S: "LEADER" } },
      { leaseKey: { S: "w1" }, entityType: { S: "WORKER_METRIC_STATS" } },
    ]);
    const there = await leasesAt(at, at.from);
    const { shown, complained } = await at.millrace(TABLE);
    expect(complained).toBe("");
    expect(shown).toContain(
      "app: 2 leases are in the table at the target, 2 with new numbers\n" +
        "app: what is no lease was not copied, workers write it anew: LEADER 1, WORKER_METRIC_STATS 1\n" +
        "clicks is open\n",
    );
    const [newFirst, newSecond] = (await everything(at, at.to)).map(({ records }) =>
      records.map(({ SequenceNumber }) => SequenceNumber),
    ) as [string[], string[]];
    expect(await leasesAt(at, at.to)).toEqual([
      freed(items[0]!, { checkpoint: { S: newFirst[9]! }, pendingCheckpoint: { S: newFirst[12]! } }),
      // Between two records: all of the one before is handled.
      freed(items[1]!, {
        checkpoint: { S: newSecond[4]! },
        checkpointSubSequenceNumber: { N: "2147483647" },
      }),
    ]);
    expect(await leasesAt(at, at.from)).toEqual(there);
    expect((await at.millrace(TABLE)).shown).toContain(
      "app: 2 leases are in the table at the target, 2 with new numbers, 2 were there already\n",
    );
  });

  test("whose checkpoint lies before all records that are left begins with the oldest", async () => {
    const at = await oddServers();
    await putSome(at, 60);
    const words = ["LATEST", "SHARD_END", "AT_TIMESTAMP"];
    const [before] = (await everything(at, at.from)) as [SeenShard];
    const early = odd(String(BigInt(before.records[0]!.SequenceNumber) - 1n));
    for (const word of words) {
      await putLeases(at, at.from, [lease(SHARDS[0], early), lease(SHARDS[1], word)], `app-${word}`);
    }
    await at.millrace(`${RENUMBER}${words.map((word) => ` --lease-table app-${word}`).join("")}`);
    for (const word of words) {
      expect(await leasesAt(at, at.to, `app-${word}`)).toEqual([
        freed(lease(SHARDS[0], "TRIM_HORIZON"), { checkpointSubSequenceNumber: { N: "0" } }),
        freed(lease(SHARDS[1], word)),
      ]);
    }
  });

  test("is copied as it is when numbers are kept", async () => {
    const at = await oddServers();
    at.setOdd("nowhere");
    await putSome(at, 60);
    const items = (await everything(at, at.from)).map(({ shard, records }) =>
      lease(shard.ShardId, records[3]!.SequenceNumber),
    );
    await putLeases(at, at.from, items);
    expect((await at.millrace(`${COPY} --all --finish --lease-table app`)).shown).toContain(
      "app: 2 leases are in the table at the target\n",
    );
    expect(await leasesAt(at, at.to)).toEqual(items.map((item) => freed(item)));
  });

  test("of several streams is copied when all of them are", async () => {
    const at = await oddServers();
    await at.millrace("stream create orders --shards 1 --endpoint http://from:1");
    await putSome(at, 60);
    const keyOf = async (stream: string) => {
      const { StreamDescriptionSummary } = await at.finish(
        clientOf(at, at.from).describeStreamSummary({ StreamName: stream }),
      );
      return `000000000000:${stream}:${Math.floor(StreamDescriptionSummary.StreamCreationTimestamp / 1_000)}`;
    };
    const [clicks, orders] = [await keyOf("clicks"), await keyOf("orders")];
    const ofStream = (identifier: string, shardId: string, checkpoint: string) =>
      lease(`${identifier}:${shardId}`, checkpoint, {
        streamName: { S: identifier },
        shardId: { S: shardId },
      });
    const [before] = (await everything(at, at.from)) as [SeenShard];
    await putLeases(at, at.from, [
      ofStream(clicks, SHARDS[0], odd(before.records[5]!.SequenceNumber)),
      ofStream(orders, SHARDS[0], "LATEST"),
    ]);
    const alone = await at.millrace(TABLE);
    expect([alone.code, alone.complained]).toEqual([
      1,
      expect.stringContaining(`shards that are not in the copy of clicks: ${orders}:${SHARDS[0]}`),
    ]);
    const { shown, complained } = await at.millrace(`${COPY} --all --finish --renumber --lease-table app`);
    expect([complained, shown]).toEqual(["", expect.stringContaining("app: 2 leases are in the table")]);
    const [after] = (await everything(at, at.to)) as [SeenShard];
    expect(await leasesAt(at, at.to)).toEqual([
      freed(ofStream(clicks, SHARDS[0], after.records[5]!.SequenceNumber)),
      freed(ofStream(orders, SHARDS[0], "LATEST")),
    ]);
  });

  test("with leases of shards that the copy does not have is refused before anything is written", async () => {
    const at = await oddServers();
    await putSome(at, 25);
    await putLeases(at, at.from, [lease(SHARDS[0], "LATEST"), lease("shardId-000000000077", "LATEST")]);
    expect(await at.millrace(TABLE)).toMatchObject({
      code: 1,
      complained: expect.stringMatching(
        /^millrace: app has leases of shards that are not in the copy of clicks: shardId-000000000077\. /,
      ) as string,
    });
    await expect(leasesAt(at, at.to)).rejects.toThrow("not found");
    expect((await at.millrace("stream ls --endpoint http://to:1")).shown).toContain("CREATING");
  });

  test("is left alone at the target when workers have gone on from it", async () => {
    const at = await oddServers();
    await putSome(at, 25);
    await putLeases(at, at.from, [lease(SHARDS[0], "TRIM_HORIZON"), lease(SHARDS[1], "TRIM_HORIZON")]);
    const gone = { ...lease(SHARDS[0], "TRIM_HORIZON"), leaseOwner: { S: "a new worker" } };
    await putLeases(at, at.to, [gone]);
    expect(await at.millrace(TABLE)).toMatchObject({
      code: 1,
      complained: expect.stringMatching(
        /^millrace: the table app at the target has other leases already: shardId-000000000000\. .*delete the table/,
      ) as string,
    });
    expect(await leasesAt(at, at.to)).toEqual([gone]);
  });

  test("is looked for where the source is, at AWS in its region, or where it is said to be", async () => {
    const at = await oddServers();
    await putSome(at, 25);
    expect((await at.millrace(TABLE)).complained).toBe("millrace: there is no table app at http://from:1\n");
    const aws = TABLE.replace("http://from:1", "aws://eu-west-1");
    const credentials = { AWS_ACCESS_KEY_ID: "111122223333", AWS_SECRET_ACCESS_KEY: "x" };
    const there = { ...credentials, AWS_REGION: "eu-west-1" };
    await at.millrace("stream create clicks --shards 1 --endpoint http://from:1", there);
    expect((await at.millrace(aws, credentials)).complained).toBe(
      "millrace: there is no table app at https://dynamodb.eu-west-1.amazonaws.com\n",
    );
    await putLeases(at, at.to, [lease(SHARDS[0], "LATEST")]);
    expect((await at.millrace(`${TABLE} --lease-endpoint http://to:1`)).complained).toContain(
      "has other leases already: shardId-000000000000",
    );
  });
});

describe("a consumer", () => {
  /** A worker of the application at one of the servers, and what it has seen. */
  async function worker(at: OddServers, server: ServerCore) {
    const { clock, random, log } = at.runtime;
    const transport = server === at.from ? at.source : inProcessTransport(server.service);
    const leaseStore = await at.finish(
      openDynamoLeaseStore({ client: tablesAt(at, server), tableName: "app", clock }),
    );
    const consumer = createConsumer({
      client: createKinesisClient({ transport, clock, random }),
      applicationName: "app",
      streams: ["clicks"],
      leaseStore,
      clock,
      random,
      log,
    });
    const seen: string[] = [];
    void consumer.run(({ data }) => void seen.push(Buffer.from(data).toString()));
    return { seen, stop: () => at.finish(consumer.stop()) };
  }

  const textsOf = (text: string, count: number) => Array.from({ length: count }, (_, at) => `${text} ${at}`);

  test("that was at a checkpoint goes on behind it at the target, through a split, and sees each record once", async () => {
    const at = await oddServers();
    await putSome(at, 100, "early");
    const before = await worker(at, at.from);
    await at.runtime.world.clock.runFor(30_000);
    await before.stop();
    expect(before.seen.toSorted()).toEqual(textsOf("early", 100).toSorted());
    await putSome(at, 75, "late");
    await at.millrace("stream split clicks shardId-000000000000 --endpoint http://from:1");
    await putSome(at, 50, "last");
    const { code, complained } = await at.millrace(`${RENUMBER} --lease-table app`);
    expect([code, complained]).toEqual([0, ""]);
    const after = await worker(at, at.to);
    await at.runtime.world.clock.runFor(120_000);
    await after.stop();
    expect(after.seen.toSorted()).toEqual([...textsOf("late", 75), ...textsOf("last", 50)].toSorted());
  });

  test("that died in the middle of its shards goes on behind its checkpoints, wherever they were", async () => {
    const at = await oddServers();
    await putSome(at, 100);
    const before = await everything(at, at.from);
    const done = [9, 12];
    await putLeases(
      at,
      at.from,
      before.map(({ shard, records }, index) => ({
        ...lease(shard.ShardId, odd(records[done[index]!]!.SequenceNumber)),
        checkpointSubSequenceNumber: { N: "0" },
      })),
    );
    await at.millrace(`${RENUMBER} --lease-table app`);
    const after = await worker(at, at.to);
    await at.runtime.world.clock.runFor(60_000);
    await after.stop();
    const left = before.flatMap(({ records }, index) => records.slice(done[index]! + 1));
    expect(after.seen.toSorted()).toEqual(left.map(({ text }) => text).toSorted());
  });
});
