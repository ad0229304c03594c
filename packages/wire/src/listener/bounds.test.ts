/** What the listener does with requests that are malformed, oversized, slow, half-closed or endless. */
import { gzipSync } from "node:zlib";
import { constants } from "node:http2";
import { afterEach, describe, expect, test } from "vitest";
import { LISTENER_LIMITS } from "./limits.ts";
import {
  answerOf,
  clock,
  echo,
  eventually,
  exchangeRaw,
  gate,
  json,
  openHttp2,
  post,
  RawClient,
  request2,
  startListener as start,
} from "./test-support.ts";
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
    // Whatever happened, everything that was reserved has been given back.
    await eventually(() => listener.stats().requestsInFlight === 0, "no request is in flight");
    expect(listener.memory.usedBytes).toBe(0);
    expect(listener.stats()).toMatchObject({ connections: 0, http2Sessions: 0, waitingForMemory: 0 });
  }
});

function refusedWith(text: string): { status: number; type: string; message: string } {
  const status = Number(/^HTTP\/1.1 (\d+)/.exec(text)?.[1]);
  const body = JSON.parse(text.slice(text.indexOf("\r\n\r\n") + 4)) as { __type: string; message: string };
  return { status, type: body.__type, message: body.message };
}

describe("size", () => {
  test("the default takes the largest PutRecords that AWS takes, as JSON", () => {
    const largest = (10 * 1024 * 1024 * 4) / 3 + 500 * (256 * 6 + 100);
    expect(LISTENER_LIMITS.bodyBytesMax).toBeGreaterThan(largest);
    expect(LISTENER_LIMITS.bodyBytesMax).toBe(16 * 1024 * 1024);
  });

  test("a body that is announced too large is refused before it is read", async () => {
    const listener = await startListener(echo, { limits: { bodyBytesMax: 1000 } });
    const client = await RawClient.open(listener.port);
    client.send("POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 1001\r\n\r\n");
    expect(refusedWith(await client.end())).toEqual({
      status: 413,
      type: "RequestEntityTooLargeException",
      message: "The request body exceeds 1000 bytes",
    });
    client.destroy();
    expect(listener.stats().refusedTotal.get(413)).toBe(1);
  });

  test("a client that sends all of a body that is too large still reads the refusal", async () => {
    const listener = await startListener(echo, { limits: { bodyBytesMax: 1000 } });
    const response = await fetch(listener.urls[0]!, { method: "POST", body: Buffer.alloc(4_000_000) });
    expect(response.status).toBe(413);
  });

  test("an endless chunked body is refused at the limit and costs no more than it", async () => {
    const listener = await startListener(echo, { limits: { bodyBytesMax: 300_000, lingerMs: 50 } });
    const client = await RawClient.open(listener.port);
    client.send("POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n");
    const chunk = Buffer.concat([Buffer.from("10000\r\n"), Buffer.alloc(65_536, "y"), Buffer.from("\r\n")]);
    let most = 0;
    while (!client.closed && client.received.length === 0) {
      client.send(chunk);
      await clock.sleep(1);
      most = Math.max(most, listener.memory.usedBytes);
    }
    expect(refusedWith(await client.until((text) => text.includes("}"))).status).toBe(413);
    expect(most).toBeLessThanOrEqual(300_000);
    client.destroy();
  });

  test("over HTTP/2 the refusal arrives while the client is still sending", async () => {
    const listener = await startListener(echo, { limits: { bodyBytesMax: 100_000 } });
    const session = openHttp2(listener.urls[0]!);
    const announced = await request2(session, { "content-length": 200_000 }, Buffer.alloc(200_000));
    expect(announced.status).toBe(413);
    const counted = await request2(session, {}, Buffer.alloc(3_000_000));
    expect(JSON.parse(counted.body)).toMatchObject({ __type: "RequestEntityTooLargeException" });
    // The session goes on.
    expect((await request2(session, {}, "small")).status).toBe(200);
    session.close();
  });

  test("headers that are too large are refused with 431", async () => {
    const listener = await startListener(echo, { limits: { headerBytesMax: 2000 } });
    const text = await exchangeRaw(
      listener.port,
      `GET / HTTP/1.1\r\nhost: x\r\nlong: ${"y".repeat(2100)}\r\n\r\n`,
    );
    expect(refusedWith(text)).toMatchObject({ status: 431, type: "RequestHeaderSectionTooLargeException" });

    const session = openHttp2(listener.urls[0]!);
    expect((await request2(session, { long: "y".repeat(2100) })).status).toBe(431);
    // Far beyond the limit they are not even collected.
    await expect(request2(session, { long: "y".repeat(8100) })).rejects.toThrow(/ENHANCE_YOUR_CALM|reset/);
    expect((await request2(session, {})).status).toBe(200);
    session.close();
  });

  test("headers without end are refused", async () => {
    const listener = await startListener(echo, { limits: { headerBytesMax: 2000, lingerMs: 20 } });
    const client = await RawClient.open(listener.port);
    client.send("GET / HTTP/1.1\r\nhost: x\r\n");
    while (!client.closed && client.received.length === 0) {
      client.send(`h${client.received.length}: ${"z".repeat(500)}\r\n`);
      await clock.sleep(1);
    }
    expect(client.text).toMatch(/^HTTP\/1.1 431 /);
    client.destroy();
  });
});

describe("gzip", () => {
  test("a compressed body is decompressed", async () => {
    const listener = await startListener(echo);
    const response = await fetch(listener.urls[0]!, {
      method: "POST",
      body: gzipSync("hello ".repeat(20_000)),
      headers: { "content-encoding": "gzip" },
    });
    expect(((await response.json()) as { body: string }).body).toBe("hello ".repeat(20_000));
  });

  test("a small body that becomes a large one is refused at the limit", async () => {
    const listener = await startListener(echo, { limits: { bodyBytesMax: 1_000_000 } });
    const bomb = gzipSync(Buffer.alloc(200_000_000));
    expect(bomb.length).toBeLessThan(250_000);
    const response = await fetch(listener.urls[0]!, {
      method: "POST",
      body: bomb,
      headers: { "content-encoding": "gzip" },
    });
    expect(response.status).toBe(413);
  });

  test.each([
    ["bytes that are not gzip", Buffer.from("not gzip at all")],
    ["gzip that is cut off", gzipSync("hello ".repeat(1000)).subarray(0, 30)],
  ])("%s are refused", async (_what, body) => {
    const listener = await startListener(echo);
    const response = await fetch(listener.urls[0]!, {
      method: "POST",
      body,
      headers: { "content-encoding": "gzip" },
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ __type: "SerializationException" });
  });

  test("other encodings are refused", async () => {
    const listener = await startListener(echo);
    const response = await fetch(listener.urls[0]!, {
      method: "POST",
      body: "x",
      headers: { "content-encoding": "br" },
    });
    expect(response.status).toBe(415);
    expect(await response.json()).toEqual({
      __type: "UnsupportedMediaTypeException",
      message: "Content-Encoding br is not supported, only gzip",
    });
  });
});

describe("form", () => {
  test.each([
    ["words that are no request", "hello, is anybody there?\r\n\r\n"],
    [
      "a body of two lengths",
      "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
    ["a length that is no number", "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: ten\r\n\r\n"],
    [
      "a chunk size that is no number",
      "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ],
    ["a request without a host", "GET / HTTP/1.1\r\n\r\n"],
    ["zeros", "\0".repeat(200)],
  ])("%s are answered 400 and the connection is closed", async (_what, bytes) => {
    const listener = await startListener(echo, { limits: { lingerMs: 20 } });
    expect(refusedWith(await exchangeRaw(listener.port, bytes))).toMatchObject({
      status: 400,
      type: "SerializationException",
    });
  });

  test("a good request is answered although nonsense follows it on the connection", async () => {
    const { opened, open } = gate();
    const listener = await startListener(
      async (request) => {
        await opened;
        return echo(request);
      },
      { limits: { lingerMs: 20 } },
    );
    const client = await RawClient.open(listener.port);
    client.send(Buffer.concat([post("good"), Buffer.from("NONSENSE\r\n\r\n".repeat(3))]));
    await eventually(() => listener.stats().requestsInFlight === 1, "the good request is in flight");
    client.send("more nonsense");
    open();
    const text = await client.end();
    expect(text.match(/HTTP\/1.1 \d+/g)).toEqual(["HTTP/1.1 200", "HTTP/1.1 400"]);
    expect(text).toContain('"body":"good"');
    client.destroy();
  });

  test("CONNECT is refused", async () => {
    const listener = await startListener(echo, { limits: { lingerMs: 20 } });
    expect(await exchangeRaw(listener.port, "CONNECT x:80 HTTP/1.1\r\nhost: x\r\n\r\n")).toMatch(
      /^HTTP\/1.1 405 /,
    );
  });

  test("a request whose client closes its half in the middle of the body is answered 400", async () => {
    const listener = await startListener(echo, { limits: { lingerMs: 20 } });
    const client = await RawClient.open(listener.port);
    client.send("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf");
    client.socket.end();
    expect(refusedWith(await client.end())).toMatchObject({
      status: 400,
      message: "The connection ended in the middle of a request",
    });
  });

  test("a client that closes its half after a whole request gets its answer", async () => {
    const listener = await startListener(async (request) => {
      await clock.sleep(10);
      return echo(request);
    });
    const client = await RawClient.open(listener.port);
    client.send(post("whole"));
    client.socket.end();
    expect(await client.end()).toContain('"body":"whole"');
  });

  test("a service that fails is answered 500, and the log says why", async () => {
    const listener = await startListener(() => Promise.reject(new Error("out of cheese")));
    const response = await fetch(listener.urls[0]!);
    expect(response.status).toBe(500);
    expect(await response.json()).toMatchObject({ __type: "InternalFailure" });
    expect(listener.logged.join()).toContain("out of cheese");
  });
});

describe("time", () => {
  test("a connection that says nothing is answered 408", async () => {
    const listener = await startListener(echo, { limits: { headerTimeoutMs: 80, lingerMs: 20 } });
    expect(refusedWith(await exchangeRaw(listener.port, ""))).toMatchObject({ status: 408 });
  });

  test("headers that drip in are answered 408, while others are served", async () => {
    const listener = await startListener(echo, { limits: { headerTimeoutMs: 120, lingerMs: 20 } });
    const slow = await Promise.all(Array.from({ length: 20 }, () => RawClient.open(listener.port)));
    const drip = async (client: RawClient) => {
      client.send("GET / HTTP/1.1\r\n");
      while (!client.closed) {
        client.send("a: b\r\n");
        await clock.sleep(15);
      }
      return client.text;
    };
    const dripping = Promise.all(slow.map(drip));
    expect((await fetch(listener.urls[0]!)).status).toBe(200);
    for (const text of await dripping) expect(text).toMatch(/^HTTP\/1.1 408 /);
  });

  test("a body that stops coming is answered 408", async () => {
    const listener = await startListener(echo, {
      limits: { headerTimeoutMs: 80, bodyProgressTimeoutMs: 60, lingerMs: 20 },
    });
    const text = await exchangeRaw(
      listener.port,
      "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf",
    );
    expect(refusedWith(text)).toMatchObject({
      status: 408,
      message: "The request body did not arrive in time",
    });
    const session = openHttp2(listener.urls[0]!);
    const stream = session.request({ ":method": "POST", ":path": "/" });
    stream.write("half");
    expect((await answerOf(stream)).status).toBe(408);
    session.close();
  });

  test("a body that drips in has a bound as a whole", async () => {
    const listener = await startListener(echo, {
      limits: { headerTimeoutMs: 80, bodyProgressTimeoutMs: 1000, bodyTimeoutMs: 100, lingerMs: 20 },
    });
    const client = await RawClient.open(listener.port);
    client.send("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10000\r\n\r\n");
    while (!client.closed && client.received.length === 0) {
      client.send("x");
      await clock.sleep(10);
    }
    expect(client.text).toMatch(/^HTTP\/1.1 408 /);
    client.destroy();
  });

  test("idle connections are closed in both versions", async () => {
    const listener = await startListener(echo, {
      limits: { headerTimeoutMs: 2000, idleTimeoutMs: 80, lingerMs: 20 },
    });
    const client = await RawClient.open(listener.port);
    client.send(post("x"));
    const session = openHttp2(listener.urls[0]!);
    await request2(session, {});
    const closed = new Promise((resolve) => session.on("close", resolve));
    expect(await client.end()).toContain('"body":"x"');
    await closed;
    client.destroy();
  });

  test("an answer that the client does not read is cut off", async () => {
    const large = Buffer.alloc(30_000_000);
    const listener = await startListener(() => Promise.resolve({ status: 200, headers: {}, body: large }), {
      limits: { headerTimeoutMs: 80, answerProgressTimeoutMs: 80 },
    });
    const client = await RawClient.open(listener.port);
    client.socket.pause();
    client.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
    const session = openHttp2(listener.urls[0]!);
    const stream = session.request({ ":path": "/" });
    stream.on("error", () => {});
    stream.pause();
    await eventually(() => listener.stats().requestsTotal === 2, "both requests arrived");
    expect(listener.memory.usedBytes).toBeGreaterThan(0);
    await eventually(() => listener.stats().abandonedTotal === 2, "both answers were cut off");
    client.destroy();
    session.destroy();
  });
});

describe("number", () => {
  test("connections beyond the limit are answered 503", async () => {
    const listener = await startListener(echo, { limits: { connectionCountMax: 2 } });
    const [one, two] = [await RawClient.open(listener.port), await RawClient.open(listener.port)];
    await eventually(() => listener.stats().connections === 2, "both are open");
    expect(refusedWith(await exchangeRaw(listener.port, ""))).toMatchObject({ status: 503 });
    one.destroy();
    await eventually(() => listener.stats().connections === 1, "one is closed");
    expect((await fetch(listener.urls[0]!)).status).toBe(200);
    two.destroy();
    expect(listener.stats().connectionsRefusedTotal).toBe(1);
  });

  test("pipelined requests beyond the limit end the connection", async () => {
    const { opened, open } = gate();
    const listener = await startListener(
      async () => {
        await opened;
        return json(200, {});
      },
      { limits: { pipelinedCountMax: 5, lingerMs: 20 } },
    );
    const client = await RawClient.open(listener.port);
    client.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n".repeat(500));
    expect(await client.end()).toMatch(/^HTTP\/1.1 503 /);
    expect(listener.stats().requestsTotal).toBe(5);
    open();
    client.destroy();
  });

  test("streams beyond the limit wait at the client or are refused, and none is lost", async () => {
    let most = 0;
    let now = 0;
    const listener = await startListener(
      async () => {
        most = Math.max(most, (now += 1));
        await clock.sleep(5);
        now -= 1;
        return json(200, {});
      },
      { limits: { streamCountMax: 4 } },
    );
    const session = openHttp2(listener.urls[0]!);
    await new Promise((resolve) => session.once("remoteSettings", resolve));
    const answers = await Promise.all(Array.from({ length: 20 }, () => request2(session, {})));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    expect(most).toBe(4);
    session.close();
  });

  test("a client that opens and resets streams faster than they are handled loses its session", async () => {
    const { opened, open } = gate();
    const listener = await startListener(
      async () => {
        await opened;
        return json(200, {});
      },
      { limits: { streamCountMax: 10 } },
    );
    const session = openHttp2(listener.urls[0]!);
    let closed = false;
    let code: number | undefined;
    session.on("close", () => (closed = true));
    session.on("goaway", (given) => {
      closed = true;
      code = given;
    });
    for (let i = 0; i < 400 && !closed; i += 1) {
      const stream = session.request({ ":path": "/" });
      stream.on("error", () => {});
      stream.resume();
      const gone = new Promise((resolve) => stream.on("close", resolve));
      await eventually(() => !stream.pending, "the request is sent");
      stream.close(constants.NGHTTP2_CANCEL);
      await gone;
    }
    await eventually(() => session.destroyed, "the session is closed");
    expect(code).toBe(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    expect(listener.stats().requestsTotal).toBeLessThanOrEqual(20);
    open();
    await eventually(() => listener.stats().requestsInFlight === 0, "the handlers have ended");
  });
});

describe("memory", () => {
  test("while the budget is spent bodies are not read, and when it is free again they are", async () => {
    const listener = await startListener(echo, { memoryBytes: 100_000 });
    listener.memory.tryReserve(100_000);
    const waiting = fetch(listener.urls[0]!, { method: "POST", body: "x".repeat(50_000) });
    await eventually(() => listener.stats().waitingForMemory === 1, "the body waits");
    listener.memory.release(100_000);
    expect((await waiting).status).toBe(200);
  });

  test("a body that waits too long for memory is answered 503 in both versions", async () => {
    const listener = await startListener(echo, {
      memoryBytes: 100_000,
      limits: { memoryWaitMs: 30, lingerMs: 20 },
    });
    listener.memory.tryReserve(100_000);
    const response = await fetch(listener.urls[0]!, { method: "POST", body: "x".repeat(50_000) });
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ __type: "ServiceUnavailableException" });
    const session = openHttp2(listener.urls[0]!);
    expect((await request2(session, {}, "x".repeat(500))).status).toBe(503);
    // Health needs no memory.
    expect((await request2(session, { ":path": "/health" })).status).toBe(200);
    session.close();
    listener.memory.release(100_000);
  });

  test("large bodies at the same time share the budget and are all served", async () => {
    let most = 0;
    const listener = await startListener(
      (request) => {
        most = Math.max(most, listener.memory.usedBytes);
        return Promise.resolve(json(200, request.body.length));
      },
      { memoryBytes: 3_000_000 },
    );
    const responses = await Promise.all(
      Array.from({ length: 12 }, () =>
        fetch(listener.urls[0]!, { method: "POST", body: Buffer.alloc(1_000_000) }),
      ),
    );
    expect(responses.map(({ status }) => status)).toEqual(new Array(12).fill(200));
    expect(most).toBeLessThanOrEqual(3_000_000);
  });

  test("a client that leaves in the middle of its body leaves nothing behind", async () => {
    const listener = await startListener(echo);
    const client = await RawClient.open(listener.port);
    client.send("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\nsome");
    await eventually(() => listener.memory.usedBytes > 0, "memory is held");
    client.socket.resetAndDestroy();
    const session = openHttp2(listener.urls[0]!);
    const stream = session.request({ ":method": "POST", ":path": "/" });
    stream.on("error", () => {});
    stream.write("some");
    await eventually(() => listener.stats().requestsTotal === 2, "both have begun");
    session.destroy();
    await eventually(
      () => listener.memory.usedBytes === 0 && listener.stats().abandonedTotal === 2,
      "both are forgotten",
    );
  });
});
