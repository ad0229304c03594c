import { HASH_KEY_MAX } from "@millrace/model";
import { describe, expect, test } from "vitest";
import {
  AT_TIMESTAMP,
  type ExtendedSequenceNumber,
  LATEST,
  type Lease,
  SHARD_END,
  TRIM_HORIZON,
} from "../index.ts";
import {
  hashRangeHoles,
  leasesForChildren,
  leasesToDelete,
  type ListedShard,
  missingLeases,
} from "./shard-sync-plan.ts";

const stream = { streamName: "s", streamArn: "arn", streamIdentifier: undefined };
const half = (HASH_KEY_MAX + 1n) / 2n;

function shard(
  ShardId: string,
  parents: readonly string[],
  isOpen: boolean,
  from = 0n,
  to = HASH_KEY_MAX,
): ListedShard {
  const [parent, adjacent] = parents;
  return {
    ShardId,
    HashKeyRange: { StartingHashKey: String(from), EndingHashKey: String(to) },
    SequenceNumberRange: { StartingSequenceNumber: "1", ...(isOpen ? {} : { EndingSequenceNumber: "2" }) },
    ...(parent === undefined ? {} : { ParentShardId: parent }),
    ...(adjacent === undefined ? {} : { AdjacentParentShardId: adjacent }),
  };
}

/** 0 was split into 1 and 2, and these were merged into 3. */
const family = [
  shard("0", [], false),
  shard("1", ["0"], false, 0n, half - 1n),
  shard("2", ["0"], false, half),
  shard("3", ["1", "2"], true),
];

function planned(leases: readonly Lease[], initialPosition: ExtendedSequenceNumber, shards = family) {
  return missingLeases(stream, shards, leases, initialPosition).map(
    ({ leaseKey, checkpoint }) => `${leaseKey} ${checkpoint.sequenceNumber}`,
  );
}

function leaseOf(shardId: string, checkpoint = TRIM_HORIZON): Lease {
  const [lease] = missingLeases(
    stream,
    [{ ...family[Number(shardId)]!, SequenceNumberRange: { StartingSequenceNumber: "1" } }],
    [],
    TRIM_HORIZON,
  );
  return { ...lease!, checkpoint };
}

describe("missing leases", () => {
  test("from TRIM_HORIZON are those of all shards, parents first", () => {
    expect(planned([], TRIM_HORIZON)).toEqual([
      "0 TRIM_HORIZON",
      "1 TRIM_HORIZON",
      "2 TRIM_HORIZON",
      "3 TRIM_HORIZON",
    ]);
  });

  test("from a time begin there in every shard, for it may lie in the life of any", () => {
    expect(planned([], AT_TIMESTAMP)).toEqual(["0", "1", "2", "3"].map((id) => `${id} AT_TIMESTAMP`));
  });

  test("from LATEST are those of the open shards", () => {
    expect(planned([], LATEST)).toEqual(["3 LATEST"]);
  });

  test("below a shard that has one begin at the beginning, whatever the initial position", () => {
    expect(planned([leaseOf("0", LATEST)], LATEST)).toEqual(
      ["1", "2", "3"].map((id) => `${id} TRIM_HORIZON`),
    );
    expect(planned([leaseOf("1", SHARD_END), leaseOf("2")], LATEST)).toEqual(["3 TRIM_HORIZON"]);
  });

  test("are not looked for above a shard that has one: those were finished and cleaned up", () => {
    expect(planned([leaseOf("3")], TRIM_HORIZON)).toEqual([]);
  });

  test("of parents that are no longer listed are not made", () => {
    expect(planned([], TRIM_HORIZON, family.slice(2))).toEqual(["2 TRIM_HORIZON", "3 TRIM_HORIZON"]);
  });

  test("name the stream when there are several", () => {
    const streamIdentifier = "123456789012:s:1767225600";
    const [lease] = missingLeases({ ...stream, streamIdentifier }, family, [], LATEST);
    expect(lease).toMatchObject({
      leaseKey: "123456789012:s:1767225600:3",
      parentShardIds: ["1", "2"],
      ofStream: { streamIdentifier, shardId: "3" },
    });
  });
});

test("the child of two shards gets its lease after the other parent, or that one would be skipped", () => {
  const leases = [leaseOf("0", SHARD_END), leaseOf("1")];
  const plan = leasesForChildren(stream, [family[3]!], family, leases, TRIM_HORIZON);
  expect(plan.map((lease) => lease.leaseKey)).toEqual(["2", "3"]);
});

describe("leases are cleaned up", () => {
  const finished = (shardId: string, childShardIds: readonly string[]) => ({
    ...leaseOf(shardId, SHARD_END),
    childShardIds,
  });
  const keys = (shards: readonly ListedShard[], leases: readonly Lease[]) =>
    leasesToDelete(shards, leases).map((lease) => lease.leaseKey);
  const begun = { sequenceNumber: "7", subSequenceNumber: 0 };

  test("when all children have been begun and no parent's is left", () => {
    const leases = [finished("0", ["1", "2"]), leaseOf("1", begun), leaseOf("2", begun)];
    expect(keys(family, leases)).toEqual(["0"]);
    expect(keys(family, [leases[0]!, leases[1]!, leaseOf("2")])).toEqual([]);
    expect(
      keys(family, [finished("0", ["1", "2"]), finished("1", ["3"]), leaseOf("2"), leaseOf("3", begun)]),
    ).toEqual([]);
  });

  test("when the shard is gone from the stream, but not when it is too new to be listed", () => {
    expect(keys(family.slice(1), [leaseOf("0"), leaseOf("1")])).toEqual(["0"]);
    expect(keys(family.slice(0, 3), [leaseOf("3")])).toEqual([]);
  });
});

describe("holes in the ring", () => {
  test("are what no unfinished lease covers", () => {
    expect(hashRangeHoles(family, [leaseOf("1"), leaseOf("2")])).toEqual([]);
    expect(hashRangeHoles(family, [leaseOf("1"), leaseOf("2", SHARD_END)])).toEqual([
      { startingHashKey: half, endingHashKey: HASH_KEY_MAX },
    ]);
    expect(hashRangeHoles(family, [])).toEqual([{ startingHashKey: 0n, endingHashKey: HASH_KEY_MAX }]);
  });

  test("are found in spite of overlaps, and leases without a range get it from the listing", () => {
    expect(hashRangeHoles(family, [leaseOf("0"), leaseOf("1")])).toEqual([]);
    expect(hashRangeHoles(family, [{ ...leaseOf("2"), hashKeyRange: undefined }])).toEqual([
      { startingHashKey: 0n, endingHashKey: half - 1n },
    ]);
  });
});
