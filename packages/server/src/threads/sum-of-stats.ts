import type { ListenerStats } from "@millrace/wire";

/** The figures of several listeners as if they were one. */
export function sumOf(all: readonly ListenerStats[]): ListenerStats {
  const refusedTotal = new Map<number, number>();
  const sum = {
    connections: 0,
    connectionsTotal: 0,
    connectionsRefusedTotal: 0,
    http2Sessions: 0,
    http2SessionsTotal: 0,
    requestsInFlight: 0,
    requestsTotal: 0,
    waitingForMemory: 0,
    abandonedTotal: 0,
    receivedBodyBytesTotal: 0,
    sentBodyBytesTotal: 0,
  };
  for (const stats of all) {
    for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += stats[name];
    for (const [status, count] of stats.refusedTotal) {
      refusedTotal.set(status, (refusedTotal.get(status) ?? 0) + count);
    }
  }
  return { ...sum, refusedTotal };
}
