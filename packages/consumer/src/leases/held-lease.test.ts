import { memoryLogger, seededRandom, simulatedClock } from "@millrace/runtime";
import { describe, expect, test } from "vitest";
import {
  handOffRequest,
  type Lease,
  type LeaseStore,
  memoryLeaseStore,
  newLease,
  taking,
  TRIM_HORIZON,
} from "../index.ts";
import { HeldLease } from "./held-lease.ts";

const leaseKey = "shardId-000000000000";
const range = { startingHashKey: 0n, endingHashKey: 1n };
const place = (sequenceNumber: string) => ({ sequenceNumber, subSequenceNumber: 0 });

/** A lease that `ana` holds, in a store whose calls can be made to fail. */
async function heldByAna() {
  const clock = simulatedClock();
  const store = memoryLeaseStore();
  const fresh = newLease({ leaseKey, checkpoint: TRIM_HORIZON, parentShardIds: [], hashKeyRange: range });
  await store.create(fresh);
  const outcome = await store.write(taking(fresh, "ana"));
  if (!outcome.done) throw new Error("the lease could not be taken");
  const weather = { requests: "arrive", answers: "arrive" };
  const far: LeaseStore = {
    ...store,
    async write(write) {
      if (weather.requests === "are lost") throw new Error("lost");
      const written = await store.write(write);
      if (weather.answers === "are lost") throw new Error("lost");
      if (weather.answers === "never come") await new Promise(() => {});
      return written;
    },
  };
  const held = new HeldLease(
    {
      store: far,
      workerId: "ana",
      clock,
      random: seededRandom(1),
      log: memoryLogger(),
      leaseDurationMs: 10_000,
      storeTimeoutMs: 3_000,
    },
    outcome.lease,
    clock.monotonicMs(),
  );
  const stored = async (): Promise<Lease> => (await store.get(leaseKey))!;
  return { clock, store, held, weather, stored };
}

describe("a lease that is held", () => {
  test("is prolonged by a renewal, counted from when it was sent", async () => {
    const { clock, held } = await heldByAna();
    await clock.runFor(9_000);
    await clock.finish(held.renew());
    await clock.runFor(9_999);
    expect(held.isHeld()).toBe(true);
    await clock.runFor(1);
    expect(held.isHeld()).toBe(false);
    expect(held.lost.aborted).toBe(true);
  });

  test("is not prolonged by renewals that nobody answers", async () => {
    const { clock, held, weather } = await heldByAna();
    weather.answers = "never come";
    for (let turn = 0; turn < 4; turn += 1) {
      void held.renew();
      await clock.runFor(2_500);
    }
    expect(held.isHeld()).toBe(false);
  });

  test("is lost when a write finds that another worker has taken it, and that write does nothing", async () => {
    const { clock, store, held, stored } = await heldByAna();
    await store.write(taking(await stored(), "ben"));
    expect(await clock.finish(held.checkpoint(place("49")))).toBe(false);
    expect(held.lost.aborted).toBe(true);
    expect(held.wasLost).toBe(true);
    expect(await stored()).toMatchObject({ leaseOwner: "ben", checkpoint: TRIM_HORIZON });
  });

  test("outlives a write whose answer was lost, whatever is written next", async () => {
    const { clock, held, weather, stored } = await heldByAna();
    weather.answers = "are lost";
    await clock.finish(held.renew());
    weather.answers = "arrive";
    expect(await clock.finish(held.checkpoint(place("49")))).toBe(true);
    expect(await stored()).toMatchObject({ leaseOwner: "ana", leaseCounter: 3, checkpoint: place("49") });
  });

  test("does not store a checkpoint twice whose answer was lost", async () => {
    const { clock, held, weather, stored } = await heldByAna();
    weather.answers = "are lost";
    const storing = held.checkpoint(place("49"));
    await clock.runFor(20);
    weather.answers = "arrive";
    expect(await clock.finish(storing)).toBe(true);
    expect(await stored()).toMatchObject({ leaseCounter: 2, checkpoint: place("49") });
  });

  test("tries a checkpoint until it works or the lease has run out", async () => {
    const { clock, held, weather } = await heldByAna();
    weather.requests = "are lost";
    const storing = held.checkpoint(place("49"));
    await clock.runFor(5_000);
    expect(held.isHeld()).toBe(true);
    expect(await clock.finish(storing)).toBe(false);
    expect(held.lost.aborted).toBe(true);
  });
});

describe("a hand-off", () => {
  test("is heard of by the renewal, which succeeds, and so do checkpoints until the lease is released", async () => {
    const { clock, store, held, stored } = await heldByAna();
    await store.write(handOffRequest(await stored(), "ben"));
    expect(held.handOffRequested.aborted).toBe(false);
    await clock.finish(held.renew());
    expect(held.handOffRequested.aborted).toBe(true);
    expect(held.isHeld()).toBe(true);
    expect(await clock.finish(held.checkpoint(place("49")))).toBe(true);
    await clock.finish(held.release());
    expect(await stored()).toMatchObject({
      leaseOwner: "ben",
      checkpointOwner: undefined,
      checkpoint: place("49"),
      leaseCounter: 4,
    });
    expect(await clock.finish(held.checkpoint(place("50")))).toBe(false);
  });

  test("that nobody asked for leaves the lease to whoever comes", async () => {
    const { clock, held, stored } = await heldByAna();
    await clock.finish(held.release());
    expect(await stored()).toMatchObject({ leaseOwner: undefined, leaseCounter: 2 });
    expect(held.wasLost).toBe(false);
  });
});
