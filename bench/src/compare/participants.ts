/** Who takes part: Millrace, its peers, and the ceilings of a scenario. */
import type { BenchServer, RunningServer } from "../servers/bench-server.ts";
import { millraceServer } from "../servers/millrace-server.ts";
import { allPeers } from "../peers/all-peers.ts";
import type { Peer } from "../peers/peer.ts";
import type { Participant, Role, Session } from "./scenario.ts";

export const MILLRACE = "Millrace";
export const MILLRACE_IN_MEMORY = "Millrace in memory";

/** From a server to what is done with it in one scenario. */
export type OpenSession = (server: BenchServer) => Promise<Session>;

/** Millrace durable and in memory, with every limit counted and out of reach. */
export function millraces(open: OpenSession): Participant[] {
  return [
    participant("Millrace", millraceServer({ name: MILLRACE }), open),
    participant("Millrace", millraceServer({ name: MILLRACE_IN_MEMORY, durability: "memory" }), open),
  ];
}

/** Peers that can do it, for streams of so many shards in total. */
export function peers(
  shardCount: number,
  can: (abilities: Peer["can"]) => boolean,
  open: OpenSession,
): Participant[] {
  return allPeers()
    .filter((peer) => can(peer.can))
    .map((peer) => {
      const server = peer.server(shardCount);
      return {
        name: peer.name,
        role: "peer",
        version: peer.version,
        missing: peer.missing,
        notes: server.notes,
        open: () => open(server),
      };
    });
}

export function participant(role: Role, server: BenchServer, open: OpenSession): Participant {
  return { name: server.name, role, open: () => open(server) };
}

/** Goes on with a server that runs, and stops it when that fails. */
export async function orStop<Result>(running: RunningServer, go: () => Promise<Result>): Promise<Result> {
  try {
    return await go();
  } catch (error) {
    await running.stop().catch(() => undefined);
    throw error;
  }
}
