/** Answers that are made while they are read: one piece beyond what the transport has taken, per stream. */
import { get } from "node:http";
import type { ClientHttp2Session, ClientHttp2Stream } from "node:http2";
import { afterEach, describe, expect, test } from "vitest";
import type { WireResponse } from "../exchange.ts";
import {
  answerOf,
  clock,
  eventually,
  gate,
  http2Get,
  http2Preface,
  json,
  openHttp2,
  post,
  RawClient,
  request2,
  startListener,
  tls,
} from "./test-support.ts";
import type { TestListener } from "./test-support.ts";

let listener: TestListener;
afterEach(async () => {
  await listener.close();
  await eventually(() => listener.stats().requestsInFlight === 0, "no request is in flight");
  expect(listener.memory.usedBytes).toBe(0);
});

/** A body whose every step can be watched. */
class Source implements AsyncIterable<Uint8Array> {
  pulled = 0;
  returned = false;
  aborted = false;
  readonly #piece: (index: number) => Promise<Uint8Array | undefined>;

  constructor(piece: (index: number) => Promise<Uint8Array | undefined>) {
    this.#piece = piece;
  }

  answer(signal: AbortSignal | undefined): WireResponse {
    signal?.addEventListener("abort", () => (this.aborted = true));
    return { status: 200, headers: { "content-type": "application/vnd.amazon.eventstream" }, body: this };
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return {
      next: async () => {
        this.pulled += 1;
        const value = await this.#piece(this.pulled - 1);
        return value === undefined ? { done: true, value: undefined } : { done: false, value };
      },
      return: () => {
        this.returned = true;
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }
}

const endless = (sizeBytes: number) => new Source(() => Promise.resolve(Buffer.alloc(sizeBytes, "e")));
const silent = () => new Source(() => new Promise(() => {}));

async function settled(source: Source): Promise<number> {
  for (;;) {
    const before = source.pulled;
    await clock.sleep(40);
    if (source.pulled === before) return before;
  }
}

describe("in either version", () => {
  test("the head arrives before the first piece is there", async () => {
    const { opened, open } = gate();
    listener = await startListener((request) =>
      Promise.resolve(
        new Source(async (index) => {
          await opened;
          return index === 0 ? Buffer.from("late") : undefined;
        }).answer(request.signal),
      ),
    );
    const session = openHttp2(listener.urls[0]!);
    const stream = session.request({ ":path": "/" });
    const second = answerOf(stream);
    await new Promise((resolve) => stream.on("response", resolve));
    const response = await fetch(listener.urls[0]!);
    open();
    expect(await response.text()).toBe("late");
    expect((await second).body).toBe("late");
    session.close();
  });

  test("an empty piece sends nothing and a stream that ends ends the answer", async () => {
    const pieces = ["a", "", "b"];
    listener = await startListener((request) => {
      const source = new Source((index) =>
        Promise.resolve(pieces[index] === undefined ? undefined : Buffer.from(pieces[index])),
      );
      return Promise.resolve(source.answer(request.signal));
    });
    expect(await (await fetch(listener.urls[0]!)).text()).toBe("ab");
    const session = openHttp2(listener.urls[0]!);
    expect((await request2(session, {})).body).toBe("ab");
    session.close();
  });

  test("a stream that fails breaks the answer off, so that it cannot be taken for complete", async () => {
    listener = await startListener((request) => {
      const source = new Source((index) =>
        index === 0 ? Promise.resolve(Buffer.from("a")) : Promise.reject(new Error("broken")),
      );
      return Promise.resolve(source.answer(request.signal));
    });
    await expect((await fetch(listener.urls[0]!)).text()).rejects.toThrow();
    const session = openHttp2(listener.urls[0]!);
    await expect(request2(session, {})).rejects.toThrow(/INTERNAL_ERROR/);
    session.close();
    expect(listener.logged.join()).toContain("broken");
  });

  test("a client that leaves aborts the signal and ends the stream, also while it waits for an event", async () => {
    const sources: Source[] = [];
    listener = await startListener((request) => {
      const source = request.path === "/silent" ? silent() : endless(1000);
      sources.push(source);
      return Promise.resolve(source.answer(request.signal));
    });
    const session = openHttp2(listener.urls[0]!);
    const streams = ["/silent", "/endless"].map((path) => {
      const stream = session.request({ ":path": path });
      stream.on("error", () => {});
      return stream;
    });
    const clients = await Promise.all(
      ["/silent", "/endless"].map(async (path) => {
        const client = await RawClient.open(listener.port);
        client.send(`GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`);
        return client;
      }),
    );
    await eventually(() => sources.length === 4, "all have begun");
    for (const stream of streams) {
      stream.resume();
      stream.close(8);
    }
    clients[0]!.socket.end();
    clients[1]!.destroy();
    await eventually(
      () => sources.every(({ returned, aborted }) => returned && aborted),
      "all streams were told",
    );
    expect(listener.stats().abandonedTotal).toBe(4);
    session.close();
  });

  test("an ordinary request learns by its signal that the client has gone", async () => {
    const aborted: string[] = [];
    listener = await startListener(async (request) => {
      await new Promise<void>((resolve) => request.signal!.addEventListener("abort", () => resolve()));
      aborted.push(request.httpVersion);
      return json(200, {});
    });
    const client = await RawClient.open(listener.port);
    client.send(post("x"));
    const session = openHttp2(listener.urls[0]!);
    const stream = session.request({ ":path": "/" });
    stream.on("error", () => {});
    await eventually(() => listener.stats().requestsInFlight === 2, "both are in flight");
    client.socket.resetAndDestroy();
    session.destroy();
    await eventually(() => aborted.length === 2, "both were told");
    expect(aborted.sort()).toEqual(["1.1", "2"]);
  });
});

describe("back-pressure", () => {
  test("over HTTP/1.1 a client that does not read stops the pulling", async () => {
    const pieceBytes = 100_000;
    const source = endless(pieceBytes);
    listener = await startListener((request) => Promise.resolve(source.answer(request.signal)));
    const client = await RawClient.open(listener.port);
    client.socket.pause();
    client.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
    await eventually(() => source.pulled > 0, "the stream has begun");
    const stalledAt = await settled(source);
    // One piece waits in the server; the others are in the buffers of the two sockets.
    expect(listener.memory.usedBytes).toBe(pieceBytes);
    client.socket.resume();
    await eventually(() => source.pulled > stalledAt + 5, "it goes on");
    client.destroy();
  });

  test("over HTTP/2 a stream whose window is closed holds one piece, and its source is asked for no more", async () => {
    const source = endless(10_000);
    listener = await startListener((request) => Promise.resolve(source.answer(request.signal)));
    const session = openHttp2(listener.urls[0]!, { settings: { initialWindowSize: 25_000 } });
    const stream = session.request({ ":path": "/" });
    stream.on("error", () => {});
    stream.pause();
    await eventually(() => source.pulled > 0, "the stream has begun");
    // 25,000 bytes of window take two pieces and half of the third.
    expect(await settled(source)).toBe(3);
    expect(listener.memory.usedBytes).toBe(10_000);
    stream.resume();
    await eventually(() => source.pulled > 20, "it goes on");
    session.destroy();
  });

  const versions: [string, () => Promise<ClientHttp2Session>][] = [
    [
      "in the clear",
      () => Promise.resolve(openHttp2(listener.urls[0]!, { settings: { initialWindowSize: 20_000 } })),
    ],
    [
      "over TLS",
      () =>
        Promise.resolve(
          openHttp2(listener.urls[1]!, { ca: tls.cert, settings: { initialWindowSize: 20_000 } }),
        ),
    ],
  ];
  test.each(versions)(
    "a stalled stream does not slow a live one on the same session, %s",
    async (_where, connect) => {
      const pieceBytes = 50_000;
      const stalled = endless(pieceBytes);
      let sentMs = 0;
      let send: (piece: Uint8Array) => void = () => {};
      const live = new Source(() => new Promise((resolve) => (send = resolve)));
      listener = await startListener(
        (request) => Promise.resolve((request.path === "/stalled" ? stalled : live).answer(request.signal)),
        { tls },
      );
      const session = await connect();
      const open = async (path: string): Promise<ClientHttp2Stream> => {
        const stream = session.request({ ":path": path });
        stream.on("error", () => {});
        await new Promise((resolve) => stream.on("response", resolve));
        return stream;
      };
      const stalledStream = await open("/stalled");
      stalledStream.pause();
      const liveStream = await open("/live");
      const delaysMs: number[] = [];
      let heard: () => void = () => {};
      let heardBytes = 0;
      liveStream.on("data", (chunk: Buffer) => {
        heardBytes += chunk.length;
        if (heardBytes % pieceBytes === 0) heard();
      });
      for (let i = 0; i < 100; i += 1) {
        const arrived = new Promise<void>((resolve) => (heard = resolve));
        sentMs = clock.monotonicMs();
        send(Buffer.alloc(pieceBytes));
        await arrived;
        delaysMs.push(clock.monotonicMs() - sentMs);
        await eventually(() => live.pulled === i + 2, "the next event is asked for");
      }
      // 100 events of 50 KB each: the stalled one gave away its first piece and nothing more.
      expect(stalled.pulled).toBe(1);
      const median = delaysMs.sort((a, b) => a - b)[50]!;
      expect(median).toBeLessThan(20);
      session.destroy();
    },
  );

  test("when the connection of a session is not read, each stream holds one piece at most", async () => {
    const pieceBytes = 60_000;
    const sources = Array.from({ length: 8 }, () => endless(pieceBytes));
    listener = await startListener((request) =>
      Promise.resolve(sources[Number(request.path.slice(1))]!.answer(request.signal)),
    );
    const client = await RawClient.open(listener.port);
    client.send(http2Preface(0x7fff_ffff));
    for (let i = 0; i < sources.length; i += 1) client.send(http2Get(`/${i}`, 1 + 2 * i));
    client.socket.pause();
    await eventually(() => sources.every(({ pulled }) => pulled > 0), "all have begun");
    await Promise.all(sources.map(settled));
    expect(listener.memory.usedBytes).toBeLessThanOrEqual(sources.length * pieceBytes);
    const before = sources.map(({ pulled }) => pulled);
    client.socket.resume();
    await eventually(() => sources.every(({ pulled }, i) => pulled > before[i]! + 2), "all go on");
    client.destroy();
  });

  test("while the connection of a session is not read, new streams on it are not even begun", async () => {
    const bulk = endless(200_000);
    listener = await startListener((request) => Promise.resolve(bulk.answer(request.signal)));
    const client = await RawClient.open(listener.port);
    client.send(http2Preface(0x7fff_ffff));
    client.send(http2Get("/", 1));
    client.socket.pause();
    await eventually(() => bulk.pulled > 0, "the bulk has begun");
    await settled(bulk);
    for (let streamId = 3; streamId < 100; streamId += 2) client.send(http2Get("/", streamId));
    await clock.sleep(40);
    expect(listener.stats().requestsTotal).toBe(1);
    expect(listener.memory.usedBytes).toBe(200_000);
    client.socket.resume();
    await eventually(() => listener.stats().requestsTotal === 50, "all have begun");
    client.destroy();
  });

  test("a stream that nobody reads is cut off after its time", async () => {
    const source = endless(200_000);
    listener = await startListener((request) => Promise.resolve(source.answer(request.signal)), {
      limits: { headerTimeoutMs: 80, streamStallTimeoutMs: 80 },
    });
    const session = openHttp2(listener.urls[0]!);
    const stream = session.request({ ":path": "/" });
    stream.on("error", () => {});
    stream.pause();
    await eventually(() => source.returned, "the stream was ended");
    session.destroy();
  });
});

describe("draining", () => {
  test("requests in flight finish, new connections are refused, idle ones are closed", async () => {
    const { opened, open } = gate();
    listener = await startListener(async (request) => {
      if (request.path === "/slow") await opened;
      return json(200, request.path);
    });
    const { port } = listener;
    const session = openHttp2(listener.urls[0]!);
    await request2(session, { ":path": "/warm" });
    const idle = await RawClient.open(port);
    idle.send(post("x"));
    await idle.until((text) => text.includes("}") || text.includes('"'));
    const silentOne = await RawClient.open(port);
    const busy = await RawClient.open(port);
    busy.send("GET /slow HTTP/1.1\r\nhost: x\r\n\r\n");
    const slow = request2(session, { ":path": "/slow" });
    await eventually(() => listener.stats().requestsInFlight === 2, "both are in flight");

    const goneAway = new Promise((resolve) => session.on("goaway", resolve));
    const drained = listener.drain(5_000);
    await Promise.all([idle.end(), silentOne.end(), goneAway]);
    await expect(RawClient.open(port)).rejects.toThrow(/ECONNREFUSED/);
    expect(busy.text).toBe("");
    open();
    expect(await busy.end()).toMatch(/connection: close[^]*"\/slow"$/i);
    busy.destroy();
    idle.destroy();
    silentOne.destroy();
    expect((await slow).body).toBe('"/slow"');
    expect(await drained).toBe(0);
    expect(listener.stats().connections).toBe(0);
  });

  test("streams are ended in good order", async () => {
    const sources: Source[] = [];
    listener = await startListener((request) => {
      const source = new Source((index) =>
        index === 0 ? Promise.resolve(Buffer.from("first")) : new Promise(() => {}),
      );
      sources.push(source);
      return Promise.resolve(source.answer(request.signal));
    });
    const session = openHttp2(listener.urls[0]!);
    const second = request2(session, {});
    const first = new Promise<string>((resolve, reject) => {
      get(listener.urls[0]!, (response) => {
        let text = "";
        response.on("data", (chunk: Buffer) => (text += chunk.toString()));
        response.on("end", () => resolve(text));
        response.on("error", reject);
      });
    });
    await eventually(
      () => sources.length === 2 && sources.every(({ pulled }) => pulled === 2),
      "both have begun",
    );
    expect(await listener.drain(5_000)).toBe(0);
    expect([await first, (await second).body]).toEqual(["first", "first"]);
    expect(sources.every(({ returned, aborted }) => returned && aborted)).toBe(true);
  });

  test("what does not end in time is broken off", async () => {
    const { opened, open } = gate();
    listener = await startListener(async () => {
      await opened;
      return json(200, {});
    });
    const client = await RawClient.open(listener.port);
    client.send(post("x"));
    const session = openHttp2(listener.urls[0]!);
    const never = request2(session, {});
    await eventually(() => listener.stats().requestsInFlight === 2, "both are in flight");
    let drained = false;
    const draining = listener.drain(50).finally(() => (drained = true));
    await expect(never).rejects.toThrow();
    expect(await client.end()).toBe("");
    // The clients are gone, but the service still works on their requests.
    await eventually(() => listener.stats().connections === 0, "the connections are closed");
    expect(drained).toBe(false);
    open();
    expect(await draining).toBe(2);
  });

  test("a request that never ends holds nothing up for long", async () => {
    listener = await startListener(() => new Promise(() => {}), { limits: { settleMs: 30 } });
    const client = await RawClient.open(listener.port);
    client.send(post("x"));
    await eventually(() => listener.stats().requestsInFlight === 1, "it is in flight");
    expect(await listener.drain(10)).toBe(1);
    expect(listener.logged.join()).toContain("still worked on");
    client.destroy();
    listener = await startListener(() => Promise.resolve(json(200, {})));
  });
});
