/** Bodies lie in memory that is used again: nobody may see a body but its own. */
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { afterEach, expect, test, vi } from "vitest";
import type { WireService } from "../exchange.ts";
import { clock, eventually, gate, json, openHttp2, post, RawClient, request2 } from "./test-support.ts";
import { startListener as start } from "./test-support.ts";
import type { TestListener } from "./test-support.ts";

let started: TestListener[] = [];
const startListener: typeof start = async (...given) => {
  const listener = await start(...given);
  started.push(listener);
  return listener;
};

afterEach(async () => {
  const listeners = started;
  started = [];
  for (const listener of listeners) {
    await listener.close();
    await eventually(() => listener.stats().requestsInFlight === 0, "no request is in flight");
    expect(listener.memory.usedBytes).toBe(0);
  }
});

/** Of a size of its own, and unlike every other body. */
function bodyOf(id: number): Buffer {
  return Buffer.alloc(200_000 + (id % 5) * 40_000, `body ${id}; `);
}

function digestOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Looks at the body when it came, and again a little later. */
const digestTwice: WireService = async ({ body }) => {
  const first = digestOf(body);
  await clock.sleep(3);
  return json(200, [first, digestOf(body)]);
};

test("bodies side by side, gzipped ones and such as are given up do not get into each other", async () => {
  const listener = await startListener(digestTwice);
  const url = listener.urls[0]!;
  const session = openHttp2(url);
  const overHttp2 = async (body: Buffer) => (await request2(session, { ":path": "/" }, body)).body;
  const overHttp1 = async (body: Buffer) => (await fetch(url, { method: "POST", body })).text();
  const gzipped = async (body: Buffer) => {
    const headers = { "content-encoding": "gzip" };
    return (await fetch(url, { method: "POST", headers, body: gzipSync(body, { level: 0 }) })).text();
  };
  const givenUp = async (body: Buffer) => {
    const client = await RawClient.open(listener.port);
    client.send(post(body).subarray(0, -20_000));
    await clock.sleep(5);
    client.destroy();
    return undefined;
  };
  const ways = [overHttp1, overHttp2, givenUp, overHttp1, gzipped];
  const ask = async (id: number) => {
    const body = bodyOf(id);
    const digest = digestOf(body);
    const answer = await ways[id % ways.length]!(body);
    if (answer !== undefined) expect(JSON.parse(answer), `request ${id}`).toEqual([digest, digest]);
  };
  await Promise.all(
    Array.from({ length: 6 }, async (_, client) => {
      for (let count = 0; count < 15; count += 1) await ask(client * 100 + count);
    }),
  );
  session.close();
});

test.each([1, 511, 512, 1_432, 16_500, 30_000, 57_344, 57_345, 65_535, 65_536, 65_537, 130_000, 131_072])(
  "bodies of %i bytes stay as they came while other connections are read, whole or in parts",
  async (bytes) => {
    const listener = await startListener(digestTwice);
    const ask = async (id: number) => {
      const body = Buffer.alloc(bytes, `${id}; `);
      const client = await RawClient.open(listener.port);
      const request = post(body);
      // The head, or a part of the body, may come alone.
      const cut = request.length - Math.floor((bytes * (id % 4)) / 3);
      client.send(request.subarray(0, cut));
      await clock.sleep(id % 3);
      client.send(request.subarray(cut));
      const digest = digestOf(body);
      await client.until((text) => text.endsWith("]"));
      expect(client.text).toContain(JSON.stringify([digest, digest]));
      client.destroy();
    };
    await Promise.all(Array.from({ length: 24 }, (_, id) => ask(id)));
  },
);

test.each([512, 1_432, 16_500, 30_000, 57_344, 70_000])(
  "a body of %i bytes lies where the one before it lay, unless the answer to that lies there",
  async (bytes) => {
    const places: ArrayBufferLike[] = [];
    const listener = await startListener(({ body, path }) => {
      places.push(body.buffer);
      return Promise.resolve(path === "/echo" ? { status: 200, headers: {}, body: [body] } : json(200, []));
    });
    for (const path of ["/", "/", "/echo", "/"]) {
      await (
        await fetch(`${listener.urls[0]!}${path}`, { method: "POST", body: Buffer.alloc(bytes) })
      ).arrayBuffer();
    }
    expect(places[1]).toBe(places[0]);
    expect(places[2]).toBe(places[0]);
    expect(places[3]).not.toBe(places[0]);
  },
);

test("an answer that lies in the request stays as it is until it is sent", async () => {
  const echoBytes: WireService = ({ body }) => Promise.resolve({ status: 200, headers: {}, body });
  const listener = await startListener(echoBytes);
  // More than the buffers of both sockets hold, and read only after others were served.
  const body = Buffer.alloc(15_000_000, "the first body; ");
  const slow = await RawClient.open(listener.port);
  slow.socket.pause();
  slow.send(post(body));
  await eventually(() => listener.stats().receivedBodyBytesTotal === body.length, "the body is there");
  for (let id = 0; id < 3; id += 1) {
    const other = Buffer.alloc(body.length, `another body, ${id}; `);
    const response = await fetch(listener.urls[0]!, { method: "POST", body: other });
    expect(digestOf(Buffer.from(await response.arrayBuffer()))).toBe(digestOf(other));
  }
  slow.socket.resume();
  const head = Buffer.from("\r\n\r\n");
  await eventually(
    () => slow.received.length >= slow.received.indexOf(head) + head.length + body.length,
    "the whole answer",
  );
  expect(digestOf(slow.received.subarray(slow.received.indexOf(head) + head.length))).toBe(digestOf(body));
  slow.destroy();
});

test("a stream may be made of the request while others are served", async () => {
  const goOn = gate();
  const service: WireService = ({ body, path }) => {
    async function* pieces() {
      await goOn.opened;
      yield body;
    }
    return Promise.resolve(
      path === "/stream" ? { status: 200, headers: {}, body: pieces() } : json(200, digestOf(body)),
    );
  };
  const listener = await startListener(service);
  const url = listener.urls[0]!;
  const streamed = await fetch(`${url}/stream`, { method: "POST", body: bodyOf(0) });
  for (let id = 5; id < 30; id += 5) {
    const response = await fetch(url, { method: "POST", body: bodyOf(id) });
    expect(await response.json()).toBe(digestOf(bodyOf(id)));
  }
  goOn.open();
  expect(digestOf(Buffer.from(await streamed.arrayBuffer()))).toBe(digestOf(bodyOf(0)));
});

test("a body holds all of the memory that it lies in, and as much for what is made of it, until the service has answered", async () => {
  const answer = gate();
  const listener = await startListener(async () => {
    await answer.opened;
    return json(200, {});
  });
  const body = Buffer.alloc(1_000_001);
  const asked = fetch(listener.urls[0]!, { method: "POST", body });
  await eventually(() => listener.stats().receivedBodyBytesTotal === body.length, "the body is there");
  expect(listener.memory.usedBytes).toBeGreaterThanOrEqual(2 * body.length);
  expect(listener.memory.usedBytes).toBeLessThanOrEqual((2 * body.length * 9) / 8);
  answer.open();
  expect((await asked).status).toBe(200);
});

test("a body for which the budget has just enough is taken", async () => {
  const body = Buffer.alloc(1_000_001, "x");
  const listener = await startListener(digestTwice, { memoryBytes: body.length });
  for (let count = 0; count < 3; count += 1) {
    const response = await fetch(listener.urls[0]!, { method: "POST", body });
    expect(await response.json()).toEqual([digestOf(body), digestOf(body)]);
  }
});

test("while bodies wait for memory, those that get it lie in memory that is used again", async () => {
  const allocate = vi.spyOn(Buffer, "allocUnsafeSlow");
  const concat = vi.spyOn(Buffer, "concat");
  try {
    const memoryBytes = 4_600_000;
    const listener = await startListener(digestTwice, { memoryBytes });
    const ask = async (id: number) => {
      const body = Buffer.alloc(1_000_000, `body ${id}; `);
      const response = await fetch(listener.urls[0]!, { method: "POST", body });
      expect(await response.json()).toEqual([digestOf(body), digestOf(body)]);
    };
    let waitedMost = 0;
    for (let round = 0; round < 3; round += 1) {
      const asked = Array.from({ length: 12 }, (_, id) => ask(id));
      await eventually(() => {
        waitedMost = Math.max(waitedMost, listener.stats().waitingForMemory);
        return waitedMost > 0;
      }, "a body waits");
      await Promise.all(asked);
    }
    // Two fit at a time: as much again is held for what is made of each.
    const allocated = allocate.mock.calls.filter(([bytes]) => bytes >= 1_000_000);
    expect(allocated.length).toBeLessThanOrEqual(2);
    expect(concat.mock.results.filter(({ value }) => (value as Buffer).length >= 1_000_000)).toEqual([]);
  } finally {
    allocate.mockRestore();
    concat.mockRestore();
  }
});
