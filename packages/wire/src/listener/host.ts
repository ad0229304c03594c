import type { Clock, Logger, MemoryBudget } from "@millrace/runtime";
import type { WireService } from "../exchange.ts";
import type { BodyMemory } from "./body-memory.ts";
import type { Deadlines } from "./deadlines.ts";
import type { ListenerLimits } from "./limits.ts";
import type { LoopShare } from "./loop-share.ts";

/** What all connections of one listener share. */
export interface ListenerHost {
  readonly service: WireService;
  readonly limits: ListenerLimits;
  readonly memory: MemoryBudget;
  /** What bodies are read into. */
  readonly bodies: BodyMemory;
  /** How much of large bodies is worked on at once. */
  readonly loopShare: LoopShare;
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly log: Logger;
  readonly counters: ListenerCounters;
  /** Set when the listener begins to drain: answers then close their connections. */
  draining: boolean;
  /** Ends each streamed answer in good order; called when the listener drains. */
  readonly openStreams: Set<() => void>;
  /** Called whenever no request is left. */
  onIdle: () => void;
}

/** Running figures, for metrics. Counts ending in `Total` only go up. */
export interface ListenerCounters {
  connections: number;
  connectionsTotal: number;
  connectionsRefusedTotal: number;
  http2Sessions: number;
  http2SessionsTotal: number;
  requestsInFlight: number;
  requestsTotal: number;
  /** Bodies that are not being read because the memory budget is spent. */
  waitingForMemory: number;
  /** Requests that the listener itself turned away, by HTTP status. */
  readonly refusedTotal: Map<number, number>;
  /** Clients that left before their answer was complete. */
  abandonedTotal: number;
  receivedBodyBytesTotal: number;
  sentBodyBytesTotal: number;
}

export function newCounters(): ListenerCounters {
  return {
    connections: 0,
    connectionsTotal: 0,
    connectionsRefusedTotal: 0,
    http2Sessions: 0,
    http2SessionsTotal: 0,
    requestsInFlight: 0,
    requestsTotal: 0,
    waitingForMemory: 0,
    refusedTotal: new Map(),
    abandonedTotal: 0,
    receivedBodyBytesTotal: 0,
    sentBodyBytesTotal: 0,
  };
}
