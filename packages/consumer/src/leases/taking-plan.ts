import type { Random } from "@millrace/runtime";
import { actualOwner, isFinished, type Lease } from "./lease.ts";

export interface TakingView {
  readonly leases: readonly Lease[];
  readonly workerId: string;
  /** Whether nobody shows signs of life on the lease: it has no owner, or its counter stands still. */
  readonly isAvailable: (lease: Lease) => boolean;
  /** Most leases that this worker wants. */
  readonly leaseCountMax: number;
  /** Most leases that it asks others for at a time. */
  readonly stealCountMax: number;
  readonly random: Random;
}

export interface TakingPlan {
  /** Leases without a living owner. */
  readonly take: readonly Lease[];
  /** Leases to ask their owners for. */
  readonly ask: readonly Lease[];
}

/**
 * What a worker does to come to its fair share, ceil(leases / workers). The rules are those of the Kinesis Client
 * Library's taker: leases without an owner first; only when there are none it asks for one after the other of whoever has
 * most at that point. So when one worker comes among W that share L leases, no more than ceil(L / (W + 1)) change hands; when
 * one goes, only its own do.
 */
export function planTaking(view: TakingView): TakingPlan {
  const leases = view.leases.filter((lease) => !isFinished(lease));
  const loads = new Map<string, number>([[view.workerId, 0]]);
  const available: Lease[] = [];
  for (const lease of leases) {
    // One that is being handed off belongs to its next owner already, or it would be asked for twice.
    const owner = lease.leaseOwner;
    if (owner === undefined || view.isAvailable(lease)) available.push(lease);
    else loads.set(owner, (loads.get(owner) ?? 0) + 1);
  }
  const share = Math.min(Math.ceil(leases.length / loads.size), view.leaseCountMax);
  const wanted = share - loads.get(view.workerId)!;
  if (wanted <= 0) return { take: [], ask: [] };
  if (available.length > 0) return { take: someOf(available, wanted, view.random), ask: [] };

  const ask: Lease[] = [];
  while (ask.length < Math.min(wanted, view.stealCountMax)) {
    const victim = mostLoadedOf(loads, view.workerId);
    // With one to go, somebody at the share itself would only change places with this worker.
    const least = wanted - ask.length > 1 ? share : share + 1;
    if (victim === undefined || loads.get(victim)! < least) break;
    const [lease] = someOf(
      leases.filter(
        (one) => actualOwner(one) === victim && one.checkpointOwner === undefined && !ask.includes(one),
      ),
      1,
      view.random,
    );
    if (lease === undefined) break;
    ask.push(lease);
    loads.set(victim, loads.get(victim)! - 1);
  }
  return { take: [], ask };
}

function mostLoadedOf(loads: ReadonlyMap<string, number>, except: string): string | undefined {
  let most: string | undefined;
  for (const [worker, load] of loads) {
    if (worker !== except && load > (loads.get(most ?? "") ?? 0)) most = worker;
  }
  return most;
}

/** Different workers that plan at once mostly choose different leases. */
function someOf(leases: readonly Lease[], count: number, random: Random): Lease[] {
  const left = [...leases];
  const some: Lease[] = [];
  while (some.length < count && left.length > 0) some.push(...left.splice(random.below(left.length), 1));
  return some;
}
