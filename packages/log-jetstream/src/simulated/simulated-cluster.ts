import type { Clock } from "@millrace/runtime";
import type { Broker } from "../broker/broker.ts";
import type { BrokerFault, BrokerFaultChances } from "./broker-faults.ts";
import type { SimulatedClusterOptions } from "./cluster-state.ts";
import { ClusterState } from "./cluster-state.ts";
import { SimulatedBroker } from "./simulated-broker.ts";

/** A cluster of three servers in one process: the seed decides all delays, and a test what breaks. */
export interface SimulatedCluster {
  /** A client of its own connection. `clock` is that of its process; nothing reaches a process that has ended. */
  connect(clock: Clock): SimulatedClient;

  /** Shares of what goes wrong by chance from now on. */
  setFaults(chances: BrokerFaultChances): void;
  /** How often a fault has happened. */
  faultCount(fault: BrokerFault): number;

  /** The server is gone with all connections to it; what it had promised is on its disk. */
  killServer(server: string): void;
  /** It takes what is sent to it and does nothing, until it is started again. */
  freezeServer(server: string): void;
  startServer(server: string): void;
  /** Sets a server's clock. */
  setServerClock(server: string, aheadMs: number): void;

  leaderOf(stream: string): string | undefined;
  /** Hands the stream over to another server, in order. */
  stepDown(stream: string): void;
  /** The other servers lose sight of a stream's leader: until they have elected another it answers, and can store nothing. */
  deposeLeader(stream: string): void;
  /** Keeps a follower from taking further steps of a stream, or lets it go on: its reads become stale. */
  holdFollower(stream: string, server: string, isHeld: boolean): void;
  /** Flips a bit of a message that a server has stored. */
  damageMessage(stream: string, server: string, sequence: number): void;
}

export interface SimulatedClient {
  readonly broker: Broker;
  /** Cuts its network, or heals it. */
  cut(): void;
  heal(): void;
}

export function simulatedCluster(options: SimulatedClusterOptions): SimulatedCluster {
  const state = new ClusterState(options);
  return {
    connect(clock) {
      const broker = new SimulatedBroker(state, clock);
      state.clients.add(broker);
      return { broker, cut: () => broker.setConnected(false), heal: () => broker.setConnected(true) };
    },
    setFaults: (chances) => state.faults.setChances(chances),
    faultCount: (fault) => state.faults.countOf(fault),
    killServer: (server) => state.setServerState(server, "down"),
    freezeServer: (server) => state.setServerState(server, "frozen"),
    startServer: (server) => state.setServerState(server, "up"),
    setServerClock(server, aheadMs) {
      state.serverNamed(server).clockAheadMs = aheadMs;
    },
    leaderOf: (stream) => state.streams.get(stream)?.leaderName,
    stepDown: (stream) => state.streams.get(stream)?.stepDown(),
    deposeLeader: (stream) => state.streams.get(stream)?.depose(),
    damageMessage: (stream, server, sequence) => state.streams.get(stream)?.damage(server, sequence),
    holdFollower: (stream, server, isHeld) => state.streams.get(stream)?.hold(server, isHeld),
  };
}
