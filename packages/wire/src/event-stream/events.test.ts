import { kinesis, ServiceError } from "@millrace/api";
import { describe, expect, test } from "vitest";
import { ConnectionDropped, decodeEventStream, isCursor } from "../index.ts";
import type { Cursor, FormatName, Handlers, WireResponse } from "../index.ts";
import { call, json } from "../test-support.ts";
import type { Kinesis, Traces } from "../test-support.ts";

describe("event streams", () => {
  const input = {
    ConsumerARN: "arn:aws:kinesis:us-east-1:000000000000:stream/s/consumer/c:1700000000",
    ShardId: "shardId-000000000000",
    StartingPosition: { Type: "LATEST" },
  } as const;

  const event = (sequenceNumber: string) => ({
    SubscribeToShardEvent: {
      Records: [],
      ContinuationSequenceNumber: sequenceNumber,
      MillisBehindLatest: 0,
    },
  });

  function subscribe(
    events: AsyncIterable<ReturnType<typeof event>>,
    setup: { format?: FormatName; traces?: Traces } = {},
  ): Promise<WireResponse> {
    const handlers: Partial<Handlers<Kinesis>> = {
      SubscribeToShard: async () => ({ EventStream: events }),
    };
    return call("SubscribeToShard", input, { ...setup, handlers });
  }

  function streamOf(response: WireResponse): AsyncIterable<Uint8Array> {
    if (!(Symbol.asyncIterator in response.body)) throw new Error("the body is no stream");
    return response.body;
  }

  test.each(["json", "cbor"] as const)("events arrive in order, as JSON (%s)", async (format) => {
    async function* events() {
      yield event("1");
      yield event("2");
    }
    const response = await subscribe(events(), { format });
    expect(response.status).toBe(200);
    expect(response.headers["Content-Type"]).toBe("application/vnd.amazon.eventstream");
    const { EventStream } = await decodeEventStream(kinesis, "SubscribeToShard", streamOf(response));
    const received = [];
    for await (const value of EventStream) received.push(value);
    expect(received).toEqual([event("1"), event("2")]);
  });

  test("the first message does not wait for an event", async () => {
    const endless: AsyncIterable<never> = {
      [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }),
    };
    const body = streamOf(await subscribe(endless))[Symbol.asyncIterator]();
    const first = await body.next();
    const text = Buffer.from(first.value as Uint8Array).toString("latin1");
    expect(text).toContain(":event-type\x07\x00\x10initial-response");
    expect(text).toContain(":content-type\x07\x00\x1aapplication/x-amz-json-1.1");
    expect(text).toContain("{}");
  });

  test("a refusal ends the stream as an exception", async () => {
    let returned = 0;
    const events: AsyncIterable<never> = {
      [Symbol.asyncIterator]: () => ({
        next: () => Promise.reject(new ServiceError("ResourceInUseException", "taken over")),
        return: async () => {
          returned++;
          return { done: true, value: undefined };
        },
      }),
    };
    const response = await subscribe(events);
    const { EventStream } = await decodeEventStream(kinesis, "SubscribeToShard", streamOf(response));
    await expect(EventStream[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: "ResourceInUseException",
      message: "taken over",
    });
    expect(returned).toBe(1);
  });

  test("a refusal that is yielded is an exception too", async () => {
    async function* events() {
      yield { InternalFailureException: { message: "m" } } as never;
    }
    const response = await subscribe(events());
    const { EventStream } = await decodeEventStream(kinesis, "SubscribeToShard", streamOf(response));
    await expect(EventStream[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: "InternalFailureException",
      status: 500,
    });
  });

  test("a bug in the stream is told as a failure of ours", async () => {
    const bug = new Error("bug");
    // oxlint-disable-next-line require-yield
    async function* events(): AsyncGenerator<ReturnType<typeof event>> {
      throw bug;
    }
    const traces: Traces = { logged: [], bugs: [] };
    const response = await subscribe(events(), { traces });
    const { EventStream } = await decodeEventStream(kinesis, "SubscribeToShard", streamOf(response));
    await expect(EventStream[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: "InternalFailureException",
    });
    expect(traces.bugs).toEqual([bug]);
  });

  test("a stream that drops its connection tells nothing", async () => {
    let returned = 0;
    const events: AsyncIterable<never> = {
      [Symbol.asyncIterator]: () => ({
        next: () => Promise.reject(new ConnectionDropped()),
        return: async () => {
          returned++;
          return { done: true, value: undefined };
        },
      }),
    };
    const body = streamOf(await subscribe(events))[Symbol.asyncIterator]();
    await body.next();
    await expect(body.next()).rejects.toThrow(ConnectionDropped);
    expect(returned).toBe(1);
  });

  test("what is thrown before the stream exists is an ordinary refusal", async () => {
    const handlers: Partial<Handlers<Kinesis>> = {
      SubscribeToShard: () => Promise.reject(new ServiceError("ResourceNotFoundException", "no")),
    };
    const response = await call("SubscribeToShard", input, { handlers });
    expect(response.status).toBe(400);
    expect(response.headers["Content-Type"]).toBe(json);
  });

  test("a client that goes before the first message still ends the handler's stream", async () => {
    let returned = 0;
    const events: AsyncIterable<never> = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise(() => {}),
        return: async () => {
          returned++;
          return { done: true, value: undefined };
        },
      }),
    };
    const body = streamOf(await subscribe(events))[Symbol.asyncIterator]();
    await body.return?.();
    await body.return?.();
    expect(returned).toBe(1);
    expect(await body.next()).toEqual({ done: true, value: undefined });
  });

  test("a client that goes while an event is awaited ends the handler's stream at once", async () => {
    let release: (() => void) | undefined;
    const events: AsyncIterable<never> = {
      [Symbol.asyncIterator]: () => ({
        next: () =>
          new Promise((resolve) => {
            release = () => resolve({ done: true, value: undefined });
          }),
        return: async () => {
          release?.();
          return { done: true, value: undefined };
        },
      }),
    };
    const body = streamOf(await subscribe(events))[Symbol.asyncIterator]();
    await body.next();
    const pending = body.next();
    await body.return?.();
    expect(await pending).toEqual({ done: true, value: undefined });
  });

  describe("of a cursor", () => {
    /** What a cursor's `ready()` and `take()` do, call by call. */
    function cursorOf(
      steps: readonly {
        ready?: () => Promise<void>;
        take?: () => ReturnType<Cursor<ReturnType<typeof event>>["take"]>;
      }[],
    ) {
      let step = -1;
      const calls: string[] = [];
      const cursor: Cursor<ReturnType<typeof event>> = {
        ready: () => {
          step += 1;
          calls.push("ready");
          return steps[step]?.ready?.() ?? Promise.resolve();
        },
        take: () => {
          calls.push("take");
          return steps[step]!.take!();
        },
        next: () => Promise.reject(new Error("waiting and making are told apart")),
        return: () => {
          calls.push("return");
          return Promise.resolve({ done: true, value: undefined });
        },
      };
      return { calls, cursor, events: { [Symbol.asyncIterator]: () => cursor } };
    }

    async function bodyOf(events: AsyncIterable<ReturnType<typeof event>>) {
      const body = streamOf(await subscribe(events))[Symbol.asyncIterator]();
      if (!isCursor(body)) throw new Error("the body is no cursor");
      return body;
    }

    const given = (sequenceNumber: string) => () =>
      Promise.resolve({ done: false as const, value: event(sequenceNumber) });

    test("the body is one too: it waits, takes and finds nothing as that does, after the first message", async () => {
      const { calls, events } = cursorOf([
        { take: given("1") },
        { take: () => Promise.resolve(undefined) },
        { take: () => Promise.resolve({ done: true, value: undefined }) },
      ]);
      const body = await bodyOf(events);
      await body.ready();
      const first = await body.take();
      expect(Buffer.from(first!.value!).toString("latin1")).toContain("initial-response");
      expect(calls).toEqual([]);
      await body.ready();
      const second = await body.take();
      expect(Buffer.from(second!.value!).toString("latin1")).toContain('"ContinuationSequenceNumber":"1"');
      await body.ready();
      expect(await body.take()).toBeUndefined();
      await body.ready();
      expect(await body.take()).toEqual({ done: true, value: undefined });
      await body.ready();
      expect(calls).toEqual(["ready", "take", "ready", "take", "ready", "take"]);
    });

    test("it can be read without knowing", async () => {
      const { events } = cursorOf([
        { take: () => Promise.resolve(undefined) },
        { take: given("1") },
        { take: () => Promise.resolve({ done: true, value: undefined }) },
      ]);
      const response = await subscribe(events);
      const { EventStream } = await decodeEventStream(kinesis, "SubscribeToShard", streamOf(response));
      const received = [];
      for await (const value of EventStream) received.push(value);
      expect(received).toEqual([event("1")]);
    });

    test("a bug in its wait is told when its turn comes", async () => {
      const { calls, events } = cursorOf([{ ready: () => Promise.reject(new Error("bug")) }]);
      const body = await bodyOf(events);
      await body.take();
      await body.ready();
      const told = await body.take();
      expect(Buffer.from(told!.value!).toString("latin1")).toContain("InternalFailureException");
      expect(calls).toEqual(["ready", "return"]);
      expect(await body.take()).toEqual({ done: true, value: undefined });
    });
  });
});
