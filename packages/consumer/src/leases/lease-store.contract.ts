/**
 * What every lease store must do, as tests. Each store's own test file calls {@link leaseStoreContract}.
 */
import { type Random, seededRandom } from "@millrace/runtime";
import { describe, expect, test } from "vitest";
import { type Lease, newLease } from "./lease.ts";
import type { LeaseStore } from "./lease-store.ts";
import {
  applyWrite,
  assignment,
  checkpointing,
  eviction,
  handOffRequest,
  type LeaseWrite,
  renewal,
  taking,
} from "./lease-write.ts";
import { TRIM_HORIZON } from "./extended-sequence-number.ts";

/** A store to try, with hold of its network. */
export interface StoreUnderTest {
  readonly store: LeaseStore;
  /** What a promise gives, with time going on meanwhile. */
  finish<T>(promise: Promise<T>): Promise<T>;
  /** The answers of the next so many calls are lost: what they ask for is done. A store may ask again by itself. */
  loseAnswers(count: number): void;
}

type Open = () => Promise<StoreUnderTest>;

const fresh = newLease({
  leaseKey: "shardId-000000000002",
  checkpoint: TRIM_HORIZON,
  parentShardIds: ["shardId-000000000000", "shardId-000000000001"],
  hashKeyRange: { startingHashKey: 0n, endingHashKey: 170141183460469231731687303715884105727n },
});
const full: Lease = {
  ...fresh,
  leaseKey: "123456789012:orders:1767225600:shardId-000000000002",
  leaseOwner: "ana",
  leaseCounter: 12,
  ownerSwitchesSinceCheckpoint: 1,
  checkpoint: { sequenceNumber: "49".padEnd(56, "7"), subSequenceNumber: 3 },
  pendingCheckpoint: { sequenceNumber: "4958", subSequenceNumber: 0 },
  pendingCheckpointState: Buffer.from("state"),
  childShardIds: ["shardId-000000000005", "shardId-000000000006"],
  throughputKBps: 12.5,
  checkpointOwner: "ben",
  ofStream: { streamIdentifier: "123456789012:orders:1767225600", shardId: "shardId-000000000002" },
};
const place = { sequenceNumber: "4999", subSequenceNumber: 0 };

/** Every kind of write, and a lease on which it takes place. */
const WRITES: readonly { readonly kind: string; readonly lease: Lease; readonly write: LeaseWrite }[] =
  (() => {
    const held: Lease = { ...full, checkpointOwner: undefined };
    return [
      { kind: "renewal", lease: held, write: renewal(held, 3) },
      { kind: "taking", lease: fresh, write: taking(fresh, "cleo") },
      { kind: "taking from somebody", lease: held, write: taking(held, "cleo") },
      { kind: "checkpoint", lease: full, write: checkpointing(full, place) },
      { kind: "hand-off request", lease: held, write: handOffRequest(held, "cleo") },
      { kind: "assignment", lease: full, write: assignment(full, "ana") },
      { kind: "eviction", lease: held, write: eviction(held) },
      { kind: "eviction in a hand-off", lease: full, write: eviction(full) },
    ];
  })();

export function leaseStoreContract(name: string, open: Open): void {
  describe(`lease store: ${name}`, () => {
    keepsLeases(open);
    writes(open);
    losesAnswers(open);
  });
}

function keepsLeases(open: Open): void {
  test("keeps each lease as it was created, and the first of two with one key", async () => {
    const { store, finish } = await open();
    expect(await finish(store.create(fresh))).toBe(true);
    expect(await finish(store.create(full))).toBe(true);
    expect(await finish(store.create({ ...fresh, leaseCounter: 7 }))).toBe(false);
    expect(await finish(store.get(fresh.leaseKey))).toEqual(fresh);
    expect(await finish(store.get(full.leaseKey))).toEqual(full);
    expect(await finish(store.get("shardId-000000000009"))).toBeUndefined();
    expect(byKey(await finish(store.list()))).toEqual(byKey([fresh, full]));
  });

  test("removes a lease only if its counter is the one that is known", async () => {
    const { store, finish } = await open();
    await finish(store.create(full));
    expect(await finish(store.delete({ ...full, leaseCounter: 11 }))).toBe(false);
    expect(await finish(store.get(full.leaseKey))).toEqual(full);
    expect(await finish(store.delete(full))).toBe(true);
    expect(await finish(store.delete(full))).toBe(false);
    expect(await finish(store.list())).toEqual([]);
  });
}

function writes(open: Open): void {
  test.each(WRITES)(
    "a $kind takes place once, and its second time shows what the first made",
    async (one) => {
      const { store, finish } = await open();
      await finish(store.create(one.lease));
      const after = applyWrite(one.lease, one.write)!;
      expect(await finish(store.write(one.write))).toEqual({ done: true, lease: after });
      expect(await finish(store.write(one.write))).toEqual({ done: false, found: after });
      expect(await finish(store.get(one.lease.leaseKey))).toEqual(after);
    },
  );

  test.each(WRITES)("a $kind of a lease that is not there is refused, and makes none", async ({ write }) => {
    const { store, finish } = await open();
    expect(await finish(store.write(write))).toEqual({ done: false, found: undefined });
    expect(await finish(store.list())).toEqual([]);
  });

  test("of two workers that take a lease at once one gets it", async () => {
    const { store, finish } = await open();
    await finish(store.create(fresh));
    const outcomes = await finish(
      Promise.all(["ana", "ben"].map((worker) => store.write(taking(fresh, worker)))),
    );
    expect(outcomes.map(({ done }) => done).toSorted()).toEqual([false, true]);
  });

  test("what a thousand writes do is what their conditions say, whoever makes them and whatever they know", async () => {
    const { store, finish } = await open();
    const random = seededRandom(1);
    let lease = fresh;
    await finish(store.create(lease));
    const known: Lease[] = [lease];
    let doneCount = 0;
    for (let step = 0; step < 1_000; step += 1) {
      // Mostly as it is; now and then by somebody who has not looked for a while.
      const seen = random.below(4) === 0 ? known[random.below(known.length)]! : lease;
      const write = someWrite(seen, random);
      const after = applyWrite(lease, write);
      const expected = after === undefined ? { done: false, found: lease } : { done: true, lease: after };
      expect(await finish(store.write(write))).toEqual(expected);
      if (after === undefined) continue;
      doneCount += 1;
      lease = after;
      known.push(lease);
    }
    expect(doneCount).toBeGreaterThan(400);
    expect(doneCount).toBeLessThan(1_000);
  });
}

function losesAnswers(open: Open): void {
  test.each(WRITES)("a $kind whose answer is lost takes place once", async ({ lease, write }) => {
    for (const count of [1, 9]) {
      const { store, finish, loseAnswers } = await open();
      await finish(store.create(lease));
      const after = applyWrite(lease, write)!;
      loseAnswers(count);
      // It may say that it does not know, or find out; it may not say that it was done by somebody else.
      const outcome = await finish(store.write(write).catch(() => undefined));
      if (outcome !== undefined) expect(outcome).toEqual({ done: false, found: after });
      loseAnswers(0);
      expect(await finish(store.get(lease.leaseKey))).toEqual(after);
    }
  });

  test("a creation and a removal whose answers are lost took place", async () => {
    const { store, finish, loseAnswers } = await open();
    loseAnswers(1);
    await finish(store.create(full).catch(() => undefined));
    loseAnswers(0);
    expect(await finish(store.get(full.leaseKey))).toEqual(full);
    loseAnswers(1);
    await finish(store.delete(full).catch(() => undefined));
    loseAnswers(0);
    expect(await finish(store.get(full.leaseKey))).toBeUndefined();
  });
}

function someWrite(lease: Lease, random: Random): LeaseWrite {
  const worker = ["ana", "ben", "cleo"][random.below(3)]!;
  switch (random.below(6)) {
    case 0:
      return renewal(lease, random.below(2) === 0 ? undefined : random.below(9_000) / 8);
    case 1:
      return taking(lease, worker);
    case 2:
      return checkpointing(lease, {
        sequenceNumber: `49${random.below(1e6)}`,
        subSequenceNumber: random.below(3),
      });
    case 3:
      return lease.leaseOwner === undefined ? taking(lease, worker) : handOffRequest(lease, worker);
    case 4:
      return assignment(lease, worker);
    default:
      return eviction(lease);
  }
}

function byKey(leases: readonly Lease[]): Lease[] {
  return leases.toSorted((one, other) => (one.leaseKey < other.leaseKey ? -1 : 1));
}
