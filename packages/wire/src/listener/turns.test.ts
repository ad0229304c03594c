/** The streams of one HTTP/2 session: what their connection cannot take is made once, whoever's it is. */
import { afterEach, describe, expect, test } from "vitest";
import type { Cursor } from "../cursor.ts";
import type { WireRequest, WireResponse } from "../exchange.ts";
import {
  clock,
  eventually,
  http2Get,
  http2Preface,
  http2Reset,
  http2WindowUpdate,
  RawClient,
  startListener,
  tls,
} from "./test-support.ts";
import type { TestListener } from "./test-support.ts";

const EVENT_BYTES = 60_000;
const OPEN_BYTES = 0x7fff_ffff;

let listener: TestListener;
let client: RawClient;
afterEach(async () => {
  client.destroy();
  await eventually(() => listener.stats().requestsInFlight === 0, "no request is in flight");
  expect(listener.memory.usedBytes).toBe(0);
  await listener.close();
});

/** What all sources together have made and the transport has not drained. */
class Tally {
  undrainedCount = 0;
  undrainedMost = 0;
}

/** A cursor whose every step can be watched. It is asked for the next event when the last one has drained. */
class Events implements Cursor<Uint8Array> {
  made = 0;
  returned = false;
  readonly #tally: Tally;
  #allowed: number;
  #isUndrained = false;
  #wake: () => void = () => {};

  constructor(tally: Tally, allowed: number) {
    this.#tally = tally;
    this.#allowed = allowed;
  }

  /** So many events more are there. */
  allow(count: number): void {
    this.#allowed += count;
    this.#wake();
  }

  async ready(): Promise<void> {
    if (this.#isUndrained) this.#tally.undrainedCount -= 1;
    this.#isUndrained = false;
    while (this.made >= this.#allowed) await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  take(): Promise<IteratorResult<Uint8Array, undefined> | undefined> {
    if (this.made >= this.#allowed) return Promise.resolve(undefined);
    this.made += 1;
    this.#isUndrained = true;
    this.#tally.undrainedCount += 1;
    this.#tally.undrainedMost = Math.max(this.#tally.undrainedMost, this.#tally.undrainedCount);
    return Promise.resolve({ done: false, value: Buffer.alloc(EVENT_BYTES, "e") });
  }

  next(): Promise<IteratorResult<Uint8Array, undefined>> {
    throw new Error("the listener tells waiting from making");
  }

  return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.returned = true;
    return Promise.resolve({ done: true, value: undefined });
  }
}

const tally = () => new Tally();
const endless = (of: Tally, count: number) => Array.from({ length: count }, () => new Events(of, Infinity));
const madeBy = (sources: readonly Events[]) => sources.reduce((sum, { made }) => sum + made, 0);

function answering(sources: readonly (Cursor<Uint8Array> | AsyncIterator<Uint8Array>)[]) {
  return ({ path }: WireRequest): Promise<WireResponse> => {
    const source = sources[Number(path.slice(1))]!;
    return Promise.resolve({ status: 200, headers: {}, body: { [Symbol.asyncIterator]: () => source } });
  };
}

const streamIdOf = (index: number) => 1 + 2 * index;

function ask(count: number): void {
  for (let index = 0; index < count; index += 1) client.send(http2Get(`/${index}`, streamIdOf(index)));
}

/** Resolves when nothing is made any more. */
async function quiet(sources: readonly Events[]): Promise<void> {
  for (;;) {
    const before = madeBy(sources);
    await clock.sleep(40);
    if (madeBy(sources) === before) return;
  }
}

const versions: [string, () => Promise<RawClient>][] = [
  ["in the clear", () => RawClient.open(listener.port)],
  ["over TLS", () => RawClient.openTls(listener.port)],
];

describe.each(versions)("%s", (_where, connect) => {
  test("when the socket is not read, the whole session holds one event, and then all go on", async () => {
    const total = tally();
    const sources = endless(total, 8);
    listener = await startListener(answering(sources), { tls });
    client = await connect();
    client.socket.pause();
    client.send(http2Preface(OPEN_BYTES));
    ask(sources.length);
    await eventually(() => sources.every(({ made }) => made > 0), "all have begun");
    await quiet(sources);
    expect(total).toEqual({ undrainedCount: 1, undrainedMost: 1 });
    expect(listener.memory.usedBytes).toBe(EVENT_BYTES);
    const before = sources.map(({ made }) => made);
    // They took turns: none is ahead of another by more than the turn that is under way.
    expect(Math.max(...before) - Math.min(...before)).toBeLessThanOrEqual(1);
    client.socket.resume();
    await eventually(() => sources.every(({ made }, index) => made > before[index]! + 2), "all go on");
    expect(total.undrainedMost).toBe(1);
  });

  test.each([
    ["in the middle of an event", 2.5 * EVENT_BYTES],
    ["at the end of an event", 3 * EVENT_BYTES],
  ])("when the connection's window closes %s, one event is made beyond it", async (_when, windowBytes) => {
    const total = tally();
    const sources = endless(total, 8);
    listener = await startListener(answering(sources), { tls });
    client = await connect();
    client.send(http2Preface(OPEN_BYTES, windowBytes));
    ask(sources.length);
    const beyond = Math.floor(windowBytes / EVENT_BYTES) + 1;
    await eventually(() => madeBy(sources) === beyond, "the window is spent");
    await quiet(sources);
    expect(madeBy(sources)).toBe(beyond);
    expect(total).toEqual({ undrainedCount: 1, undrainedMost: 1 });
    expect(listener.memory.usedBytes).toBe(EVENT_BYTES);
    client.send(http2WindowUpdate(0, 40 * EVENT_BYTES));
    await eventually(() => sources.every(({ made }) => made > 2), "all go on");
    expect(total.undrainedMost).toBe(1);
  });

  test("a stream with a closed window of its own, and one without events, do not hold up a third", async () => {
    const total = tally();
    const silent: AsyncIterator<Uint8Array> = { next: () => new Promise(() => {}) };
    const [idle, stalled, live] = [new Events(total, 0), new Events(total, Infinity), new Events(total, 0)];
    listener = await startListener(answering([silent, idle, stalled, live]), { tls });
    client = await connect();
    client.send(http2Preface(65_535, OPEN_BYTES));
    ask(4);
    client.send(http2WindowUpdate(streamIdOf(3), OPEN_BYTES - 65_535));
    await eventually(() => stalled.made === 2, "one stream's window is spent");
    for (let count = 1; count <= 50; count += 1) {
      live.allow(1);
      await eventually(() => live.made === count && total.undrainedCount === 1, "the event has drained");
    }
    expect([idle.made, stalled.made]).toEqual([0, 2]);
    idle.allow(1);
    await eventually(() => idle.made === 1, "who was idle has its turn");
  });

  test("a connection's window that closes while only a stalled stream writes is noticed when it opens", async () => {
    const total = tally();
    const [stalled, ...live] = endless(total, 3);
    listener = await startListener(answering([stalled!, ...live]), { tls, limits: { headerTimeoutMs: 80 } });
    client = await connect();
    // The stalled one takes its own 65,535 bytes of it, and the live ones the rest to the last byte.
    client.send(http2Preface(65_535, 65_535 + 3 * EVENT_BYTES));
    ask(1);
    await eventually(() => stalled!.made === 2, "one stream's window is spent");
    for (const index of [1, 2]) {
      client.send(http2Get(`/${index}`, streamIdOf(index)));
      client.send(http2WindowUpdate(streamIdOf(index), OPEN_BYTES - 65_535));
    }
    await quiet(live);
    expect([madeBy(live), total.undrainedCount]).toEqual([3, 1]);
    client.send(http2WindowUpdate(0, 10 * EVENT_BYTES));
    await eventually(() => madeBy(live) === 13, "they go on");
  });
});

describe("the line", () => {
  /** Eight streams of a session whose socket is not read. */
  async function stalledSession(options: Parameters<typeof startListener>[1] = {}): Promise<Events[]> {
    const sources = endless(tally(), 8);
    listener = await startListener(answering(sources), options);
    client = await RawClient.open(listener.port);
    client.socket.pause();
    client.send(http2Preface(OPEN_BYTES));
    ask(sources.length);
    await eventually(() => madeBy(sources) > sources.length, "all have begun");
    return sources;
  }

  test("is left by all when their client goes", async () => {
    const sources = await stalledSession();
    await quiet(sources);
    client.destroy();
    await eventually(() => sources.every(({ returned }) => returned), "all are told");
    expect(listener.stats().abandonedTotal).toBe(8);
  });

  test("is left by all when the listener drains", async () => {
    const sources = await stalledSession();
    await quiet(sources);
    expect(await listener.drain(50)).toBe(1);
    expect(sources.every(({ returned }) => returned)).toBe(true);
  });

  test("moves up when a stream in it is reset, and when the one that holds the event is", async () => {
    const sources = endless(tally(), 8);
    listener = await startListener(answering(sources));
    client = await RawClient.open(listener.port);
    client.send(http2Preface(OPEN_BYTES, 2.5 * EVENT_BYTES));
    ask(sources.length);
    await eventually(() => madeBy(sources) === 3, "the window is spent");
    // The first three have made one each, and the third holds it. The fourth is next.
    for (const index of [3, 4, 2]) client.send(http2Reset(streamIdOf(index)));
    await eventually(() => sources[5]!.made === 1, "the next has its turn");
    await quiet(sources);
    expect(sources.map(({ made }) => made)).toEqual([1, 1, 1, 0, 0, 1, 0, 0]);
    expect(sources.flatMap(({ returned }, index) => (returned ? [index] : []))).toEqual([2, 3, 4]);
    expect(listener.memory.usedBytes).toBe(EVENT_BYTES);
    client.send(http2WindowUpdate(0, 40 * EVENT_BYTES));
    await eventually(() => [0, 1, 5, 6, 7].every((index) => sources[index]!.made > 2), "the others go on");
  });

  test("is not stood in for longer than a client may read nothing", async () => {
    const sources = await stalledSession({ limits: { headerTimeoutMs: 80, streamStallTimeoutMs: 600 } });
    await eventually(() => sources.every(({ returned }) => returned), "all are cut off");
  });

  test("goes on when there is nothing to make after all", async () => {
    const total = tally();
    const live = new Events(total, 0);
    let asked = 0;
    const hasty: Cursor<Uint8Array> = {
      ready: () => (asked < 5 ? Promise.resolve() : new Promise(() => {})),
      take: () => {
        asked += 1;
        live.allow(1);
        return Promise.resolve(undefined);
      },
      next: () => Promise.reject(new Error("the listener tells waiting from making")),
    };
    listener = await startListener(answering([hasty, live]));
    client = await RawClient.open(listener.port);
    client.send(http2Preface(OPEN_BYTES));
    ask(2);
    await eventually(() => live.made === 5, "the other has its turns");
    expect(asked).toBe(5);
  });
});
