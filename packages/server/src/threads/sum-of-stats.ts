import type { ListenerStats } from "@millrace/wire";

/** The figures of several listeners, one at least, as if they were one. */
export function sumOf(all: readonly ListenerStats[]): ListenerStats {
  return all.reduce(plus);
}

function plus(one: ListenerStats, { refusedTotal: otherRefused, ...other }: ListenerStats): ListenerStats {
  const refusedTotal = new Map(one.refusedTotal);
  for (const [status, count] of otherRefused)
    refusedTotal.set(status, (refusedTotal.get(status) ?? 0) + count);
  const counts = Object.entries(other).map(([name, count]) => [
    name,
    one[name as keyof typeof other] + count,
  ]);
  return { ...(Object.fromEntries(counts) as typeof other), refusedTotal };
}
