import { ServiceError } from "@millrace/api";
import { simulatedClock } from "@millrace/runtime";
import type { KinesisClient } from "@millrace/client";
import { describe, expect, test } from "vitest";
import { readStream, type ReadStreamOptions, type ShardDescription } from "./read-stream.ts";
import {
  fanOutSource,
  pollingSource,
  type ShardBatch,
  type ShardPosition,
  type ShardSource,
} from "./shard-sources.ts";

const record = (text: string) => ({ SequenceNumber: text, PartitionKey: "k", Data: Buffer.from(text) });

function shard(shardId: string, parents: readonly string[] = [], closed = false): ShardDescription {
  return {
    ShardId: shardId,
    HashKeyRange: { StartingHashKey: "0", EndingHashKey: "1" },
    SequenceNumberRange: { StartingSequenceNumber: "0", ...(closed ? { EndingSequenceNumber: "9" } : {}) },
    ...(parents[0] === undefined ? {} : { ParentShardId: parents[0] }),
    ...(parents[1] === undefined ? {} : { AdjacentParentShardId: parents[1] }),
  };
}

describe("reading a stream", () => {
  /** A split into two children, one of which is merged with a neighbour. */
  const lineage: Record<string, ShardBatch[]> = {
    a: [
      { records: [record("a1")], behindMs: 1 },
      {
        records: [record("a2")],
        behindMs: 0,
        children: [
          { ShardId: "c", ParentShards: ["a"] },
          { ShardId: "d", ParentShards: ["a"] },
        ],
      },
    ],
    b: [
      { records: [], behindMs: 5 },
      { records: [record("b1")], behindMs: 0, children: [{ ShardId: "e", ParentShards: ["d", "b"] }] },
    ],
    c: [{ records: [record("c1")], behindMs: 0 }],
    d: [{ records: [record("d1")], behindMs: 0, children: [{ ShardId: "e", ParentShards: ["d", "b"] }] }],
    e: [{ records: [record("e1")], behindMs: 0 }],
  };
  const shards = [
    shard("a", [], true),
    shard("b", [], true),
    shard("c", ["a"]),
    shard("d", ["a"], true),
    shard("e", ["d", "b"]),
  ];

  async function seen(options: Partial<ReadStreamOptions> = {}) {
    const lines: string[] = [];
    const begun: Record<string, ShardPosition> = {};
    const source: ShardSource = async function* (shardId, position) {
      begun[shardId] = position;
      yield* lineage[shardId] ?? [];
    };
    await readStream({
      source,
      shards,
      shardIds: [],
      from: { kind: "TRIM_HORIZON" },
      follow: false,
      signal: new AbortController().signal,
      onRecords: async (shardId, records) => {
        for (const { SequenceNumber } of records) lines.push(`${shardId}:${SequenceNumber}`);
      },
      ...options,
    });
    return { lines, begun };
  }

  test("begins with the eldest shards and goes on with their children, parents first", async () => {
    const { lines, begun } = await seen();
    expect(lines.toSorted()).toEqual(["a:a1", "a:a2", "b:b1", "c:c1", "d:d1", "e:e1"]);
    const orders: [parent: string, child: string][] = [
      ["a:a2", "c:c1"],
      ["a:a2", "d:d1"],
      ["d:d1", "e:e1"],
      ["b:b1", "e:e1"],
    ];
    for (const [parent, child] of orders) {
      expect(lines.indexOf(parent)).toBeLessThan(lines.indexOf(child));
    }
    expect(begun["a"]).toEqual({ Type: "TRIM_HORIZON" });
  });

  test("from the latest reads only what is open", async () => {
    const { lines, begun } = await seen({ from: { kind: "LATEST" } });
    expect(lines.toSorted()).toEqual(["c:c1", "e:e1"]);
    expect(begun["c"]).toEqual({ Type: "LATEST" });
  });

  test("from a time begins there in every shard, for the time may lie in a child's life", async () => {
    const { begun } = await seen({ from: { kind: "AT_TIMESTAMP", timestampMs: 5 } });
    expect(begun["a"]).toEqual({ Type: "AT_TIMESTAMP", Timestamp: 5 });
    expect(begun["e"]).toEqual({ Type: "AT_TIMESTAMP", Timestamp: 5 });
  });

  test("of chosen shards leaves their children alone", async () => {
    expect((await seen({ shardIds: ["a"] })).lines).toEqual(["a:a1", "a:a2"]);
  });

  test("fails as soon as one shard fails", async () => {
    const failing: ShardSource = async function* (shardId, _position, signal) {
      if (shardId === "a") throw new Error("no access");
      yield { records: [], behindMs: 0 };
      if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve));
    };
    await expect(seen({ source: failing, follow: true })).rejects.toThrow("no access");
  });
});

describe("polling a shard", () => {
  function clientOf(answers: (() => object)[]) {
    const asked: object[] = [];
    let at = 0;
    const client = {
      getShardIterator: async (input: object) => {
        asked.push(input);
        return { ShardIterator: `iterator-${asked.length}` };
      },
      getRecords: async () => {
        const next = answers[at++];
        if (next === undefined) throw new Error("asked too often");
        return next();
      },
    };
    return { client: client as unknown as KinesisClient, asked };
  }

  test("asks five times a second until the shard ends", async () => {
    const clock = simulatedClock();
    const { client, asked } = clientOf([
      () => ({ Records: [record("1")], NextShardIterator: "x", MillisBehindLatest: 0 }),
      () => ({ Records: [], NextShardIterator: "x", MillisBehindLatest: 0 }),
      () => ({
        Records: [record("2")],
        MillisBehindLatest: 0,
        ChildShards: [{ ShardId: "c", ParentShards: ["a"] }],
      }),
    ]);
    const batches: ShardBatch[] = [];
    await clock.finish(
      (async () => {
        const source = pollingSource(client, "clicks", clock);
        for await (const batch of source("a", { Type: "LATEST" }, new AbortController().signal))
          batches.push(batch);
      })(),
    );
    expect(batches.map(({ records }) => records.length)).toEqual([1, 0, 1]);
    expect(batches[2]?.children).toEqual([{ ShardId: "c", ParentShards: ["a"] }]);
    expect(clock.monotonicMs()).toBe(400);
    expect(asked).toEqual([{ StreamName: "clicks", ShardId: "a", ShardIteratorType: "LATEST" }]);
  });

  test("goes on after the last record when its iterator has expired", async () => {
    const clock = simulatedClock();
    const { client, asked } = clientOf([
      () => ({ Records: [record("17")], NextShardIterator: "x", MillisBehindLatest: 0 }),
      () => {
        throw new ServiceError("ExpiredIteratorException", "Iterator expired.");
      },
      () => ({ Records: [], MillisBehindLatest: 0 }),
    ]);
    await clock.finish(
      (async () => {
        const source = pollingSource(client, "clicks", clock);
        for await (const _batch of source("a", { Type: "TRIM_HORIZON" }, new AbortController().signal));
      })(),
    );
    expect(asked[1]).toEqual({
      StreamName: "clicks",
      ShardId: "a",
      ShardIteratorType: "AFTER_SEQUENCE_NUMBER",
      StartingSequenceNumber: "17",
    });
  });
});

describe("polling while the server restarts", () => {
  test("goes on with the same iterator, and gives up after five minutes", async () => {
    const clock = simulatedClock();
    let failuresLeft = 3;
    const client = {
      getShardIterator: async () => ({ ShardIterator: "i" }),
      getRecords: async () => {
        if (failuresLeft-- > 0) throw new ServiceError("ConnectionFailed", "refused", { status: 0 });
        return { Records: [record("1")], MillisBehindLatest: 0, ChildShards: [] };
      },
    } as unknown as KinesisClient;
    const read = async () => {
      const texts: string[] = [];
      const source = pollingSource(client, "clicks", clock);
      for await (const { records } of source("a", { Type: "LATEST" }, new AbortController().signal)) {
        texts.push(...records.map(({ SequenceNumber }) => SequenceNumber));
      }
      return texts;
    };
    expect(await clock.finish(read())).toEqual(["1"]);
    expect(clock.monotonicMs()).toBe(3_000);
    failuresLeft = Infinity;
    await expect(clock.finish(read())).rejects.toMatchObject({ code: "ConnectionFailed" });
    expect(clock.monotonicMs()).toBe(303_000);
  });
});

describe("fan-out of a shard", () => {
  test("subscribes again from where it was, not sooner than after five seconds", async () => {
    const clock = simulatedClock();
    const positions: object[] = [];
    const client = {
      async *subscribeToShard({ StartingPosition }: { StartingPosition: object }) {
        positions.push(StartingPosition);
        yield {
          Records: [record("1")],
          ContinuationSequenceNumber: `c${positions.length}`,
          MillisBehindLatest: 0,
        };
        if (positions.length === 2) throw new ServiceError("ResourceInUseException", "taken over");
        if (positions.length === 3) {
          yield {
            Records: [],
            ContinuationSequenceNumber: "",
            MillisBehindLatest: 0,
            ChildShards: [{ ShardId: "c", ParentShards: ["a"] }],
          };
        }
      },
    } as unknown as KinesisClient;
    let children: ShardBatch["children"];
    await clock.finish(
      (async () => {
        const source = fanOutSource(client, "arn", clock);
        for await (const batch of source("a", { Type: "LATEST" }, new AbortController().signal)) {
          children = batch.children;
        }
      })(),
    );
    expect(positions).toEqual([
      { Type: "LATEST" },
      { Type: "AFTER_SEQUENCE_NUMBER", SequenceNumber: "c1" },
      { Type: "AFTER_SEQUENCE_NUMBER", SequenceNumber: "c2" },
    ]);
    expect(clock.monotonicMs()).toBe(10_000);
    expect(children).toEqual([{ ShardId: "c", ParentShards: ["a"] }]);
  });

  test("ends with the reason when records are damaged", async () => {
    const clock = simulatedClock();
    const message =
      "Records of a from 1 up to, not including, 2 cannot be read: what the disk holds is damaged.";
    const client = {
      async *subscribeToShard() {
        yield* [];
        throw new ServiceError("InternalFailureException", message);
      },
    } as unknown as KinesisClient;
    const read = async () => {
      const source = fanOutSource(client, "arn", clock);
      for await (const _batch of source("a", { Type: "LATEST" }, new AbortController().signal));
    };
    await expect(clock.finish(read())).rejects.toMatchObject({ message });
    expect(clock.monotonicMs()).toBe(0);
  });
});
