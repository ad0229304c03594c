/** A stream with fan-out consumers for tests: on simulated time, with an engine that tells what is left open. */
import type { LogEngine } from "@millrace/log";
import { memoryEngine } from "@millrace/log";
import type { ServiceClock } from "@millrace/runtime";
import { MemoryBudget, serviceClock, simulatedClock } from "@millrace/runtime";
import type { UnderTestOptions } from "../service-under-test.ts";
import { serviceUnderTest } from "../service-under-test.ts";

export const STREAM = "arn:aws:kinesis:us-east-1:123456789012:stream/s";
export const SHARD = "shardId-000000000000";
export const MIB = 1_048_576;

export type Events = AsyncIterator<unknown>;

export interface Event {
  readonly Records: readonly { readonly SequenceNumber: string; readonly Data: Uint8Array }[];
  readonly ContinuationSequenceNumber?: string;
  readonly MillisBehindLatest: number;
  readonly ChildShards?: readonly { readonly ShardId: string; readonly ParentShards: readonly string[] }[];
}

/** An engine of which some members are others. */
export function engineWith(inner: LogEngine, others: Partial<LogEngine>): LogEngine {
  return new Proxy(inner, {
    get(target, name) {
      const member: unknown = Reflect.get(others, name) ?? Reflect.get(target, name);
      return typeof member === "function"
        ? (member as (...input: unknown[]) => unknown).bind(target)
        : member;
    },
  });
}

/** Counts the watches that are open on the engine, to see that none is left behind. */
export function countingEngine(clock: ServiceClock) {
  const inner = memoryEngine({ clock });
  let watches = 0;
  const engine = engineWith(inner, {
    watch(logId, listener) {
      watches += 1;
      const end = inner.watch(logId, listener);
      return () => {
        watches -= 1;
        end();
      };
    },
  });
  return { engine, watches: () => watches };
}

/** A stream of one shard and consumers named c0, c1, … */
export async function fanOut(consumers = 1, options: UnderTestOptions = {}) {
  const clock = serviceClock(simulatedClock());
  const { engine, watches } = countingEngine(clock);
  const memory = new MemoryBudget(64 * MIB);
  const service = await serviceUnderTest({
    clock,
    engine,
    ...options,
    dependencies: { memory, ...options.dependencies },
  });
  await service.createStream("s", 1);
  const arns: string[] = [];
  for (let index = 0; index < consumers; index += 1) {
    const { Consumer } = await service.call("RegisterStreamConsumer", {
      StreamARN: STREAM,
      ConsumerName: `c${index}`,
    });
    arns.push(Consumer.ConsumerARN);
    await clock.advance(50);
  }
  await clock.advance(1_000);
  return { ...service, service, clock, engine, watches, memory, arns, arn: arns[0]! };
}

export type FanOut = Awaited<ReturnType<typeof fanOut>>;

export function inputOf(ConsumerARN: string, position: object = { Type: "LATEST" }) {
  return { ConsumerARN, ShardId: SHARD, StartingPosition: position as { Type: "LATEST" } };
}

export async function subscribe(
  { call }: Pick<FanOut, "call">,
  arn: string,
  position?: object,
): Promise<Events> {
  const { EventStream } = await call("SubscribeToShard", inputOf(arn, position));
  return EventStream[Symbol.asyncIterator]();
}

export async function next(events: Events): Promise<Event> {
  const { done, value } = await events.next();
  if (done === true) throw new Error("the subscription is over");
  return (value as { SubscribeToShardEvent: Event }).SubscribeToShardEvent;
}

export async function put({ call }: Pick<FanOut, "call">, ...texts: string[]): Promise<string[]> {
  const { Records } = await call("PutRecords", {
    StreamName: "s",
    Records: texts.map((text) => ({ PartitionKey: "a", Data: Buffer.from(text) })),
  });
  return Records.map(({ SequenceNumber }) => SequenceNumber!);
}

export function textsOf({ Records }: Event): string[] {
  return Records.map(({ Data }) => Buffer.from(Data).toString());
}

/** Whether a promise is settled once everything has gone on that waits for no time. */
export async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  void promise.then(
    () => (settled = true),
    () => (settled = true),
  );
  for (let turn = 0; turn < 1_000 && !settled; turn += 1) await Promise.resolve();
  return settled;
}

/** How a subscription fails. It must be over after that. */
export async function failureOfNext(events: Events): Promise<{ code: string; message: string }> {
  const failure = await events.next().then(
    () => undefined,
    (error: { code: string; message: string }) => error,
  );
  if (failure === undefined) throw new Error("the subscription went on");
  if ((await events.next()).done !== true) throw new Error("the subscription failed and went on");
  return { code: failure.code, message: failure.message };
}
