import type { LeaseItem } from "@millrace/consumer";
import { expect, test } from "vitest";
import { type CopiedStream, placeOf, translatedLease } from "./lease-items.ts";

/** Of the account 111111111111 at the source, and of 222222222222 at the target. */
function copied(streamName: string, more: Partial<CopiedStream> = {}): CopiedStream {
  return {
    streamName,
    sourceArn: `arn:aws:kinesis:us-east-1:111111111111:stream/${streamName}`,
    accountId: "222222222222",
    createdMs: 1_700_000_000_750,
    shardIds: new Set(["shardId-000000000000"]),
    isRenumbered: true,
    target: {
      translate: (_, number) => Promise.resolve({ sequenceNumber: `new ${number}`, isExact: true }),
    },
    ...more,
  };
}

const STREAMS = [copied("clicks"), copied("orders")];

function leaseOf(identifier: string): LeaseItem {
  return {
    leaseKey: { S: `${identifier}:shardId-000000000000` },
    streamName: { S: identifier },
    shardId: { S: "shardId-000000000000" },
    checkpoint: { S: "12" },
    checkpointSubSequenceNumber: { N: "1" },
  };
}

test("a lease of one of several streams names the account that has the copy", async () => {
  const place = placeOf(leaseOf("111111111111:orders:1700000000"), STREAMS);
  expect(place?.stream).toBe(STREAMS[1]);
  expect(await translatedLease(place!)).toEqual({
    item: { ...leaseOf("222222222222:orders:1700000000"), checkpoint: { S: "new 12" } },
    isTranslated: true,
  });
});

test.each([
  ["another account", "333333333333:orders:1700000000"],
  ["an earlier life of the stream", "111111111111:orders:1600000000"],
  ["a stream that is not copied", "111111111111:carts:1700000000"],
])("a lease of %s has no place in the copy", (_, identifier) => {
  expect(placeOf(leaseOf(identifier), STREAMS)).toBeUndefined();
});

test("a lease that names its shard alone is of the stream that is copied, when that is one", () => {
  const item = { leaseKey: { S: "shardId-000000000000" }, checkpoint: { S: "12" } };
  expect(placeOf(item, STREAMS.slice(0, 1))).toMatchObject({ shardId: "shardId-000000000000" });
  expect(placeOf(item, STREAMS)).toBeUndefined();
  expect(placeOf({ ...item, leaseKey: { S: "shardId-000000000009" } }, STREAMS.slice(0, 1))).toBeUndefined();
});

test("a place without a record is behind the whole record before it, or at the beginning", async () => {
  const item = {
    leaseKey: { S: "shardId-000000000000" },
    checkpoint: { S: "12" },
    checkpointSubSequenceNumber: { N: "3" },
    pendingCheckpoint: { S: "15" },
    pendingCheckpointSubSequenceNumber: { N: "4" },
  };
  const before = copied("clicks", {
    target: {
      translate: (_, number) =>
        Promise.resolve({ sequenceNumber: number === "12" ? undefined : "7", isExact: false }),
    },
  });
  const { item: written } = await translatedLease(placeOf(item, [before])!);
  expect(written).toEqual({
    leaseKey: { S: "shardId-000000000000" },
    checkpoint: { S: "TRIM_HORIZON" },
    checkpointSubSequenceNumber: { N: "0" },
    pendingCheckpoint: { S: "7" },
    pendingCheckpointSubSequenceNumber: { N: "2147483647" },
  });
});
