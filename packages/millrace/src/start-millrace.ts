import { createKinesisClient, inProcessTransport, type KinesisClient } from "@millrace/client";
import { nodeRuntime, type Runtime } from "@millrace/runtime";
import { type Fault, OptionError, parseDurationMs, startServer } from "@millrace/server";

/** Settings of a server inside of a test; all have defaults. */
export interface MillraceOptions {
  /** Where to keep data, durably. Default: in memory, and gone with {@link Millrace.close}. */
  readonly directory?: string;
  /** Default: a free port. */
  readonly port?: number;
  /** Streams that are there when the promise resolves: names and shard counts. */
  readonly streams?: Readonly<Record<string, number>>;
  /** Whether AWS's rates and quotas are enforced. Default: `aws`. */
  readonly limits?: "aws" | "off";
  /** How long CREATING, UPDATING and DELETING last, in milliseconds of service time. Default: 0. */
  readonly transitionDelayMs?: number;
  /** Default: us-east-1. Only for {@link Millrace.client}; the server serves every region. */
  readonly region?: string;
  /** What is logged to standard error. Default: `error`. */
  readonly logLevel?: "debug" | "info" | "warn" | "error";
  /** Bound of caches, bodies and, in memory, of the records, in bytes. Default: 256 MiB. */
  readonly memoryBytes?: number;
}

/** What an injected fault may say; see `millrace fault add --help`. */
export interface FaultToAdd {
  readonly kind: "throttle" | "fail" | "delay" | "drop" | "partial";
  /** Only calls of this operation, e.g. `PutRecords`. */
  readonly operation?: string;
  readonly stream?: string;
  readonly shardId?: string;
  /** Share of the matching calls in [0, 1]; for `partial` of their records. Default: 1. */
  readonly share?: number;
  readonly count?: number;
  readonly code?: string;
  readonly delayMs?: number;
  readonly stage?: "before" | "after";
  readonly seed?: number;
}

/** A server of one's own, in this process. */
export interface Millrace {
  /** For any AWS client: `http://127.0.0.1:PORT`. */
  readonly endpoint: string;
  readonly port: number;
  /** Reaches the server without a socket. */
  readonly client: KinesisClient;
  readonly clock: {
    /** Service time, in milliseconds since the epoch. */
    nowMs(): number;
    /** Moves it forward by milliseconds, or by `"25h"`; resolves when all work that fell due is done. */
    advance(duration: number | string): Promise<void>;
  };
  readonly faults: {
    /** Puts a fault in force and returns its id. Throws when the rule cannot be used. */
    add(fault: FaultToAdd): number;
    /** Those in force. */
    list(): readonly Fault[];
    /** Ends one fault, or all. */
    clear(id?: number): void;
  };
  /** Ends it, breaking off what is in flight. Calls after the first wait for it. */
  close(): Promise<void>;
}

/**
 * Starts an isolated server on a free port of the loopback address, within milliseconds. Several at once do
 * not disturb each other. The clock can be moved and faults can be injected.
 *
 * @throws what keeps a server from starting: a directory in use, a taken port, a wrong option.
 */
export async function startMillrace(options: MillraceOptions = {}): Promise<Millrace> {
  const { directory, port = 0, streams = {}, limits = "aws", transitionDelayMs = 0 } = options;
  const runtime: Runtime = nodeRuntime({ logLevel: options.logLevel ?? "error" });
  const server = await startServer(runtime, {
    port,
    limits,
    dev: true,
    transitionDelay: transitionDelayMs,
    stream: Object.entries(streams).map(([name, shardCount]) => ({ name, shardCount })),
    ...(directory === undefined ? { durability: "memory" } : { dataDir: directory }),
    ...(options.memoryBytes === undefined ? {} : { memory: options.memoryBytes }),
  });
  const client = createKinesisClient({
    transport: inProcessTransport(server.service, `127.0.0.1:${server.port}`),
    clock: runtime.clock,
    random: runtime.random,
    ...(options.region === undefined ? {} : { region: options.region }),
  });
  return {
    endpoint: `http://127.0.0.1:${server.port}`,
    port: server.port,
    client,
    clock: {
      nowMs: () => server.clock.nowMs(),
      advance: async (duration) => server.advance(durationFrom(duration)),
    },
    faults: {
      add: (fault) => server.faults.add(fault).id,
      list: () => server.faults.list(),
      clear(id) {
        if (id === undefined) server.faults.clear();
        else server.faults.remove(id);
      },
    },
    close: () => server.close(),
  };
}

function durationFrom(duration: number | string): number {
  const durationMs = typeof duration === "number" ? duration : parseDurationMs(duration);
  if (durationMs === undefined || !Number.isInteger(durationMs) || durationMs < 0) {
    const shown = JSON.stringify(duration);
    throw new OptionError("duration", `${shown} is no duration; write milliseconds, or a text such as "25h"`);
  }
  return durationMs;
}
