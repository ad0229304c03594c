import { seededRandom } from "@millrace/runtime";
import { describe, expect, test } from "vitest";
import {
  applyWrite,
  assignment,
  handOffRequest,
  type Lease,
  newLease,
  SHARD_END,
  taking,
  TRIM_HORIZON,
} from "../index.ts";
import { planTaking } from "./taking-plan.ts";

const range = { startingHashKey: 0n, endingHashKey: 1n };

function leasesOf(loads: { readonly [worker: string]: number }): Map<string, Lease> {
  const leases = new Map<string, Lease>();
  for (const [worker, load] of Object.entries(loads)) {
    for (let count = 0; count < load; count += 1) {
      const leaseKey = `shard-${leases.size}`;
      const lease = newLease({ leaseKey, checkpoint: TRIM_HORIZON, parentShardIds: [], hashKeyRange: range });
      leases.set(leaseKey, { ...lease, leaseOwner: worker === "nobody" ? undefined : worker });
    }
  }
  return leases;
}

/** Lets workers plan in turns, each seeing what the one before did, until nobody moves anything. */
function settle(
  leases: Map<string, Lease>,
  workers: readonly string[],
  dead: string | undefined,
  seed: number,
) {
  const random = seededRandom(seed);
  let takenCount = 0;
  let handedOverCount = 0;
  for (let isQuiet = false; !isQuiet;) {
    isQuiet = true;
    for (const workerId of workers) {
      const plan = planTaking({
        leases: [...leases.values()],
        workerId,
        isAvailable: ({ leaseOwner }) => leaseOwner === undefined || leaseOwner === dead,
        leaseCountMax: Infinity,
        stealCountMax: 1 + random.below(3),
        random,
      });
      for (const lease of plan.take) leases.set(lease.leaseKey, applyWrite(lease, taking(lease, workerId))!);
      for (const lease of plan.ask) {
        const asked = applyWrite(lease, handOffRequest(lease, workerId))!;
        leases.set(lease.leaseKey, applyWrite(asked, assignment(asked, workerId))!);
      }
      takenCount += plan.take.length;
      handedOverCount += plan.ask.length;
      if (plan.take.length + plan.ask.length > 0) isQuiet = false;
    }
  }
  const loads = workers.map(
    (workerId) => [...leases.values()].filter((lease) => lease.leaseOwner === workerId).length,
  );
  return { loads, takenCount, handedOverCount };
}

describe("sharing", () => {
  test("leases that nobody has are taken once each, and nobody keeps more than the share", () => {
    for (let seed = 1; seed <= 200; seed += 1) {
      const random = seededRandom(seed);
      const count = 1 + random.below(60);
      const workers = ["ana", "ben", "cleo", "dan"].slice(0, 1 + random.below(4));
      const { loads, takenCount } = settle(leasesOf({ nobody: count }), workers, undefined, seed);
      expect(takenCount).toBe(count);
      expect(Math.max(...loads)).toBeLessThanOrEqual(Math.ceil(count / workers.length));
    }
  });

  test("when a worker comes, no more than its share moves", () => {
    for (let seed = 1; seed <= 200; seed += 1) {
      const random = seededRandom(seed);
      const leases = leasesOf({ nobody: 1 + random.below(60) });
      const workers = ["ana", "ben", "cleo", "dan"].slice(0, 1 + random.below(3));
      settle(leases, workers, undefined, seed);
      const share = Math.ceil(leases.size / (workers.length + 1));
      const { loads, takenCount, handedOverCount } = settle(leases, [...workers, "new"], undefined, seed);
      expect(takenCount).toBe(0);
      expect(handedOverCount).toBeLessThanOrEqual(share);
      expect(Math.max(...loads)).toBeLessThanOrEqual(share);
    }
  });

  test("when a worker dies, only its leases move", () => {
    for (let seed = 1; seed <= 200; seed += 1) {
      const random = seededRandom(seed);
      const leases = leasesOf({ nobody: 1 + random.below(60) });
      settle(leases, ["ana", "ben", "cleo"], undefined, seed);
      const orphans = [...leases.values()].filter((lease) => lease.leaseOwner === "cleo").length;
      const { takenCount, handedOverCount } = settle(leases, ["ana", "ben"], "cleo", seed);
      expect(takenCount).toBe(orphans);
      expect(handedOverCount).toBe(0);
    }
  });
});

describe("a plan", () => {
  const view = {
    workerId: "new",
    isAvailable: () => false,
    leaseCountMax: Infinity,
    stealCountMax: 1,
    random: seededRandom(1),
  };

  test("asks the most loaded worker, for as many at a time as it may", () => {
    const leases = [...leasesOf({ ana: 3, ben: 7 }).values()];
    const one = planTaking({ ...view, leases });
    expect(one.ask.map((lease) => lease.leaseOwner)).toEqual(["ben"]);
    expect(planTaking({ ...view, leases, stealCountMax: 9 }).ask).toHaveLength(3);
  });

  test("wants no more than the worker may have", () => {
    const leases = [...leasesOf({ nobody: 9 }).values()];
    expect(planTaking({ ...view, leases, leaseCountMax: 2 }).take).toHaveLength(2);
  });

  test("counts what it asked for already as its own", () => {
    const leases = leasesOf({ ana: 2 });
    const first = leases.get("shard-0")!;
    leases.set("shard-0", applyWrite(first, handOffRequest(first, "new"))!);
    expect(planTaking({ ...view, leases: [...leases.values()] })).toEqual({ take: [], ask: [] });
  });

  test("leaves finished shards alone", () => {
    const leases = [...leasesOf({ nobody: 3, ana: 4 }).values()].map((lease) => ({
      ...lease,
      checkpoint: SHARD_END,
    }));
    expect(planTaking({ ...view, leases })).toEqual({ take: [], ask: [] });
  });
});
