/** The service for tests: on simulated time and the memory engine, called through its handlers. */
import type { ErrorCodeOf, InputOf, kinesis, Operation } from "@millrace/api";
import { ServiceError } from "@millrace/api";
import type { LogEngine } from "@millrace/log";
import { memoryEngine } from "@millrace/log";
import type { MovableServiceClock } from "@millrace/runtime";
import { MemoryBudget, memoryLogger, seededRandom, serviceClock, simulatedClock } from "@millrace/runtime";
import type { AnswerOf, Caller, Handler } from "@millrace/wire";
import type { Streams, StreamsDependencies, StreamsOptions } from "./streams.ts";
import { createStreams } from "./streams.ts";

type Operations = (typeof kinesis)["operations"];
type Name = keyof Operations;

export interface ServiceUnderTest {
  readonly clock: MovableServiceClock;
  readonly engine: LogEngine;
  readonly streams: Streams;
  readonly caller: Caller;
  /** Calls an operation as `caller`, or as somebody else. */
  call<N extends Name>(
    name: N,
    input: InputOf<Operations[N]>,
    caller?: Partial<Caller>,
  ): Promise<AnswerOf<Operations[N]>>;
  /** The error that an operation answers. Fails when it succeeds. */
  failureOf<N extends Name>(
    name: N,
    input: InputOf<Operations[N]>,
    caller?: Partial<Caller>,
  ): Promise<{ code: ErrorCodeOf<Operations[N]> | string; message: string; status: number }>;
  /** Creates a stream and lets it become ACTIVE. */
  createStream(name: string, shardCount: number): Promise<void>;
  /** Starts the service again on the same engine. */
  restart(options?: StreamsOptions): Promise<ServiceUnderTest>;
}

export interface UnderTestOptions extends StreamsOptions {
  readonly clock?: MovableServiceClock;
  /** In place of the memory engine. */
  readonly engine?: LogEngine;
  readonly dependencies?: Partial<StreamsDependencies>;
}

export const CALLER: Caller = Object.freeze({
  accountId: "123456789012",
  region: "us-east-1",
  principal: "test",
  sourceIp: "127.0.0.1",
  viaTls: false,
  requestId: "00000000-0000-0000-0000-000000000000",
});

export async function serviceUnderTest(options: UnderTestOptions = {}): Promise<ServiceUnderTest> {
  const clock = options.clock ?? serviceClock(simulatedClock());
  const engine = options.engine ?? memoryEngine({ clock });
  const random = seededRandom(1);
  const streams = await createStreams(
    {
      clock,
      random,
      secrets: random,
      log: memoryLogger(),
      engine,
      memory: new MemoryBudget(1e9),
      ...options.dependencies,
    },
    options,
  );
  const call: ServiceUnderTest["call"] = (name, input, caller) => {
    const handler = streams.handlers[name] as Handler<Operation> | undefined;
    if (handler === undefined) throw new Error(`${name} has no handler`);
    return handler({ ...CALLER, ...caller }, input) as Promise<never>;
  };
  return {
    clock,
    engine,
    streams,
    caller: CALLER,
    call,
    async failureOf(name, input, caller) {
      const outcome = await call(name, input, caller).catch((error: unknown) => error);
      if (!(outcome instanceof ServiceError)) {
        throw new Error(`${name} was expected to fail but answered ${JSON.stringify(outcome)}`, {
          cause: outcome,
        });
      }
      return { code: outcome.code, message: outcome.message, status: outcome.status };
    },
    async createStream(name, shardCount) {
      await call("CreateStream", { StreamName: name, ShardCount: shardCount });
      await clock.advance(60);
    },
    async restart(restartOptions = options) {
      await streams.close();
      return serviceUnderTest({ ...options, ...restartOptions, clock, engine });
    },
  };
}
