import { describe, expect, test } from "vitest";
import {
  applyWrite,
  assignment,
  checkpointing,
  eviction,
  handOffRequest,
  type Lease,
  leaseFromItem,
  leaseToItem,
  leaseWriteToUpdate,
  newLease,
  renewal,
  taking,
  TRIM_HORIZON,
} from "../index.ts";

const fresh = newLease({
  leaseKey: "shardId-000000000002",
  checkpoint: TRIM_HORIZON,
  parentShardIds: ["shardId-000000000000"],
  hashKeyRange: { startingHashKey: 0n, endingHashKey: 170141183460469231731687303715884105727n },
});
const used: Lease = {
  ...fresh,
  leaseOwner: "ana",
  leaseCounter: 12,
  ownerSwitchesSinceCheckpoint: 1,
  checkpoint: { sequenceNumber: "4957", subSequenceNumber: 3 },
  pendingCheckpoint: { sequenceNumber: "4958", subSequenceNumber: 0 },
  pendingCheckpointState: Buffer.from("state"),
  childShardIds: ["shardId-000000000005", "shardId-000000000006"],
  throughputKBps: 12.5,
  checkpointOwner: "ben",
  ofStream: { streamIdentifier: "123456789012:orders:1767225600", shardId: "shardId-000000000002" },
};

describe("the item of a lease", () => {
  test("has the attributes of the KCL 3.5 and their types", () => {
    expect(leaseToItem(used)).toEqual({
      leaseKey: { S: "shardId-000000000002" },
      leaseOwner: { S: "ana" },
      leaseCounter: { N: "12" },
      ownerSwitchesSinceCheckpoint: { N: "1" },
      checkpoint: { S: "4957" },
      checkpointSubSequenceNumber: { N: "3" },
      pendingCheckpoint: { S: "4958" },
      pendingCheckpointSubSequenceNumber: { N: "0" },
      pendingCheckpointState: { B: Buffer.from("state") },
      parentShardId: { SS: ["shardId-000000000000"] },
      childShardIds: { SS: ["shardId-000000000005", "shardId-000000000006"] },
      startingHashKey: { S: "0" },
      endingHashKey: { S: "170141183460469231731687303715884105727" },
      throughputKBps: { N: "12.5" },
      checkpointOwner: { S: "ben" },
      streamName: { S: "123456789012:orders:1767225600" },
      shardId: { S: "shardId-000000000002" },
      entityType: { S: "LEASE" },
    });
  });

  test("has no attribute for what a new lease does not know, as sets and texts cannot be empty", () => {
    const lease = newLease({ ...fresh, hashKeyRange: fresh.hashKeyRange!, parentShardIds: [] });
    expect(Object.keys(leaseToItem(lease)).sort()).toEqual([
      "checkpoint",
      "checkpointSubSequenceNumber",
      "endingHashKey",
      "entityType",
      "leaseCounter",
      "leaseKey",
      "ownerSwitchesSinceCheckpoint",
      "startingHashKey",
    ]);
  });

  test.each([fresh, used])("gives the lease again", (lease) => {
    expect(leaseFromItem(leaseToItem(lease))).toEqual(lease);
  });

  test("is read as the KCL 2 wrote it, without an entity type or a range", () => {
    const item = {
      leaseKey: { S: "shardId-000000000000" },
      leaseCounter: { N: "4" },
      checkpoint: { S: "LATEST" },
      checkpointSubSequenceNumber: { N: "0" },
      ownerSwitchesSinceCheckpoint: { N: "0" },
    };
    expect(leaseFromItem(item)).toMatchObject({
      leaseOwner: undefined,
      leaseCounter: 4,
      checkpoint: { sequenceNumber: "LATEST", subSequenceNumber: 0 },
      hashKeyRange: undefined,
      parentShardIds: [],
    });
  });

  test("of another kind in the same table is no lease, and one without a checkpoint is an error", () => {
    expect(leaseFromItem({ leaseKey: { S: "Leader" }, entityType: { S: "LEADER" } })).toBeUndefined();
    expect(() => leaseFromItem({ leaseKey: { S: "x" } })).toThrow(/no checkpoint/);
  });
});

describe("the update of a write", () => {
  const key = { leaseKey: { S: "shardId-000000000002" } };
  const mine: Lease = { ...used, checkpointOwner: undefined, ofStream: undefined };

  test("of a renewal expects the counter, and no hand-off that the owner does not know of", () => {
    expect(leaseWriteToUpdate(renewal(mine, 3))).toEqual({
      Key: key,
      Expected: { leaseCounter: { Value: { N: "12" } }, checkpointOwner: { Exists: false } },
      AttributeUpdates: {
        leaseCounter: { Action: "PUT", Value: { N: "13" } },
        throughputKBps: { Action: "PUT", Value: { N: "3" } },
      },
      ReturnValues: "ALL_NEW",
      ReturnValuesOnConditionCheckFailure: "ALL_OLD",
    });
    expect(leaseWriteToUpdate(renewal(used)).Expected).toEqual({ leaseCounter: { Value: { N: "12" } } });
  });

  test("of a taking expects the counter, ends a hand-off and counts the switch", () => {
    expect(leaseWriteToUpdate(taking(mine, "cleo"))).toMatchObject({
      Expected: { leaseCounter: { Value: { N: "12" } } },
      AttributeUpdates: {
        leaseCounter: { Action: "PUT", Value: { N: "13" } },
        leaseOwner: { Action: "PUT", Value: { S: "cleo" } },
        checkpointOwner: { Action: "DELETE" },
        ownerSwitchesSinceCheckpoint: { Action: "ADD", Value: { N: "1" } },
      },
    });
    expect(leaseWriteToUpdate(taking(fresh, "cleo")).AttributeUpdates).not.toHaveProperty(
      "ownerSwitchesSinceCheckpoint",
    );
  });

  test("of a checkpoint expects the counter and clears what was pending", () => {
    const write = checkpointing(mine, { sequenceNumber: "4960", subSequenceNumber: 7 });
    expect(leaseWriteToUpdate(write)).toMatchObject({
      Expected: { leaseCounter: { Value: { N: "12" } } },
      AttributeUpdates: {
        leaseCounter: { Action: "PUT", Value: { N: "13" } },
        checkpoint: { Action: "PUT", Value: { S: "4960" } },
        checkpointSubSequenceNumber: { Action: "PUT", Value: { N: "7" } },
        ownerSwitchesSinceCheckpoint: { Action: "PUT", Value: { N: "0" } },
        pendingCheckpoint: { Action: "DELETE" },
        pendingCheckpointSubSequenceNumber: { Action: "DELETE" },
        pendingCheckpointState: { Action: "DELETE" },
        childShardIds: { Action: "PUT", Value: { SS: used.childShardIds } },
        startingHashKey: { Action: "PUT", Value: { S: "0" } },
      },
    });
  });

  test("of a hand-off request expects the owner and leaves the counter to it", () => {
    expect(leaseWriteToUpdate(handOffRequest(mine, "cleo"))).toMatchObject({
      Expected: {
        leaseKey: { Exists: true, Value: { S: mine.leaseKey } },
        leaseOwner: { Value: { S: "ana" } },
        checkpointOwner: { Exists: false },
      },
      AttributeUpdates: {
        leaseOwner: { Action: "PUT", Value: { S: "cleo" } },
        checkpointOwner: { Action: "PUT", Value: { S: "ana" } },
      },
    });
    expect(leaseWriteToUpdate(handOffRequest(mine, "cleo")).AttributeUpdates).not.toHaveProperty(
      "leaseCounter",
    );
  });

  test("of an assignment expects both owners, whatever the counter", () => {
    expect(leaseWriteToUpdate(assignment(used, "ana"))).toMatchObject({
      Expected: {
        leaseKey: { Exists: true, Value: { S: used.leaseKey } },
        leaseOwner: { Value: { S: "ana" } },
        checkpointOwner: { Value: { S: "ben" } },
      },
      AttributeUpdates: {
        leaseOwner: { Action: "PUT", Value: { S: "ana" } },
        checkpointOwner: { Action: "DELETE" },
        leaseCounter: { Action: "ADD", Value: { N: "1" } },
      },
    });
  });

  test("of an eviction removes the owner, or in a hand-off only the old one", () => {
    expect(leaseWriteToUpdate(eviction(mine)).AttributeUpdates).toEqual({
      leaseOwner: { Action: "DELETE" },
      checkpointOwner: { Action: "DELETE" },
      leaseCounter: { Action: "ADD", Value: { N: "1" } },
    });
    expect(leaseWriteToUpdate(eviction(used)).AttributeUpdates).not.toHaveProperty("leaseOwner");
  });
});

describe("a write on the lease itself", () => {
  test("takes place when all of its conditions hold, and not at all otherwise", () => {
    expect(applyWrite(used, taking(used, "cleo"))).toMatchObject({
      leaseOwner: "cleo",
      checkpointOwner: undefined,
      leaseCounter: 13,
      ownerSwitchesSinceCheckpoint: 2,
    });
    expect(applyWrite({ ...used, leaseCounter: 13 }, taking(used, "cleo"))).toBeUndefined();
    expect(applyWrite({ ...used, leaseOwner: "dan" }, assignment(used, "cleo"))).toBeUndefined();
    expect(applyWrite(undefined, eviction(used))).toBeUndefined();
  });

  test("of an owner that was replaced is refused", () => {
    const ana: Lease = { ...used, checkpointOwner: undefined };
    const taken = applyWrite(ana, taking(ana, "cleo"))!;
    const place = { sequenceNumber: "4999", subSequenceNumber: 0 };
    expect(applyWrite(taken, checkpointing(ana, place))).toBeUndefined();
    expect(applyWrite(taken, renewal(ana))).toBeUndefined();
  });

  test("of an owner that is asked to hand off succeeds but for the renewal, which tells it", () => {
    const ana: Lease = { ...used, checkpointOwner: undefined };
    const asked = applyWrite(ana, handOffRequest(ana, "cleo"))!;
    const place = { sequenceNumber: "4999", subSequenceNumber: 0 };
    expect(applyWrite(asked, renewal(ana))).toBeUndefined();
    expect(applyWrite(asked, renewal(asked))).toMatchObject({ leaseCounter: 13 });
    expect(applyWrite(asked, checkpointing(ana, place))).toMatchObject({
      checkpoint: place,
      leaseOwner: "cleo",
    });
  });
});
