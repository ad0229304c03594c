import { fstatSync } from "node:fs";
import { request as request1 } from "node:http";
import { connect as connectTls } from "node:tls";
import { afterEach, describe, expect, test } from "vitest";
import { listen } from "./listen.ts";
import { LOCAL_HOSTS, selfSignedCertificate } from "./self-signed-certificate.ts";
import {
  clock,
  echo,
  exchangeRaw,
  openHttp2,
  post,
  RawClient,
  request2,
  startListener,
} from "./test-support.ts";
import type { TestListener } from "./test-support.ts";

const tls = selfSignedCertificate({
  hosts: LOCAL_HOSTS,
  validFromMs: clock.nowMs() - 60_000,
  validToMs: clock.nowMs() + 86_400_000,
  serial: Buffer.from("0123456789abcdef"),
});

let listener: TestListener | undefined;
afterEach(async () => {
  await listener?.close();
  listener = undefined;
});

describe("one port", () => {
  test("HTTP/1.1 is answered in the clear", async () => {
    listener = await startListener(echo);
    const response = await fetch(`${listener.urls[0]}/a?b=c`, {
      method: "POST",
      body: "hello",
      headers: { "X-Two": "2" },
    });
    expect(await response.json()).toMatchObject({
      method: "POST",
      path: "/a?b=c",
      body: "hello",
      httpVersion: "1.1",
      viaTls: false,
      remoteAddress: "127.0.0.1",
      headers: { "x-two": "2", host: `127.0.0.1:${listener.port}` },
    });
  });

  test("HTTP/2 is answered in the clear to a client with prior knowledge", async () => {
    listener = await startListener(echo);
    const session = openHttp2(listener.urls[0]!);
    const answer = await request2(session, { ":path": "/x", "x-two": "2" }, "hello");
    session.close();
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.body)).toMatchObject({
      method: "POST",
      path: "/x",
      body: "hello",
      httpVersion: "2",
      viaTls: false,
      headers: { "x-two": "2", host: `127.0.0.1:${listener.port}` },
    });
  });

  test("with a certificate the same port speaks TLS too, and ALPN chooses the version", async () => {
    listener = await startListener(echo, { tls });
    expect(listener.urls).toEqual([
      `http://127.0.0.1:${listener.port}`,
      `https://127.0.0.1:${listener.port}`,
    ]);
    const url = listener.urls[1]!;

    const session = openHttp2(url, { ca: tls.cert });
    const second = await request2(session, {}, "two");
    session.close();
    expect(JSON.parse(second.body)).toMatchObject({
      httpVersion: "2",
      viaTls: true,
      body: "two",
      remoteAddress: "127.0.0.1",
    });

    const first = await overTls(listener.port, ["http/1.1"], post("one", { connection: "close" }));
    expect(first.protocol).toBe("http/1.1");
    expect(first.text).toContain('"httpVersion":"1.1","viaTls":true');

    const without = await overTls(listener.port, undefined, post("none", { connection: "close" }));
    expect(without.protocol).toBe(false);
    expect(without.text).toContain('"body":"none"');

    expect(await (await fetch(`${listener.urls[0]}/`)).json()).toMatchObject({ viaTls: false });
  });

  test("a client that speaks TLS to a port without a certificate is told so in TLS", async () => {
    listener = await startListener(echo);
    await expect(overTls(listener.port, ["h2"], "")).rejects.toThrow(/handshake failure/);
    expect(listener.logged.join()).toContain("no certificate is set up");
  });

  test.each([1, 3, 10, 23])(
    "the preface is recognised when it comes in two parts, %i bytes first",
    async (cut) => {
      listener = await startListener(echo);
      const preface = Buffer.concat([
        Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
      ]);
      const client = await RawClient.open(listener.port);
      client.send(preface.subarray(0, cut));
      await clock.sleep(5);
      client.send(preface.subarray(cut));
      await client.until((text) => text.length >= 9);
      // The first frame of the server is SETTINGS.
      expect(client.received[3]).toBe(4);
      client.destroy();
    },
  );

  test("a method that begins like the preface is still HTTP/1.1", async () => {
    listener = await startListener(echo);
    expect(
      await exchangeRaw(listener.port, "PROPFIND / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"),
    ).toContain('"method":"PROPFIND"');
  });

  test("a port that is taken is reported with Node's code", async () => {
    listener = await startListener(echo);
    const { port, memory } = listener;
    const log = { debug() {}, info() {}, warn() {}, error() {} };
    await expect(listen(echo, { host: "127.0.0.1", port, memory, clock, log })).rejects.toMatchObject({
      code: "EADDRINUSE",
    });
  });
});

describe("a socket that threads share", () => {
  test("stays open when one of them has drained, and that one drops what it still accepts", async () => {
    const listener = await startListener(echo, { isShared: true });
    const health = () => fetch(`${listener.urls[0]}/`, { headers: { connection: "close" } });
    expect((await health()).status).toBe(200);
    await listener.drain(1_000);
    // Closed, it would be EBADF here, or another file that got its number.
    expect(fstatSync(listener.descriptor!).isSocket()).toBe(true);
    await expect(health()).rejects.toThrow("fetch failed");
  });
});

describe("HTTP/1.1", () => {
  test("a connection is used again, and pipelined requests are answered in order", async () => {
    let waiting = 0;
    listener = await startListener(async (request) => {
      // The first takes longest.
      waiting += 1;
      await clock.sleep(30 - waiting * 10);
      return echo(request);
    });
    const client = await RawClient.open(listener.port);
    client.send(Buffer.concat([post("first"), post("second"), post("third", { connection: "close" })]));
    const text = await client.end();
    const bodies = [...text.matchAll(/"body":"(\w+)"/g)].map((match) => match[1]);
    expect(bodies).toEqual(["first", "second", "third"]);
    expect(listener.stats()).toMatchObject({ connectionsTotal: 1, requestsTotal: 3 });
  });

  test("a chunked body arrives whole", async () => {
    listener = await startListener(echo);
    const head = "POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";
    const text = await exchangeRaw(listener.port, `${head}5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n`);
    expect(text).toContain('"body":"hello world"');
  });

  test("a client that expects 100 Continue gets it before it sends the body", async () => {
    listener = await startListener(echo);
    const client = await RawClient.open(listener.port);
    client.send(
      "POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n",
    );
    expect(await client.until((text) => text.includes("\r\n\r\n"))).toBe("HTTP/1.1 100 Continue\r\n\r\n");
    client.send("ok");
    expect(await client.end()).toContain('"body":"ok"');
  });

  test("other expectations are refused", async () => {
    listener = await startListener(echo);
    const text = await exchangeRaw(
      listener.port,
      "POST / HTTP/1.1\r\nhost: x\r\nexpect: tea\r\ncontent-length: 0\r\n\r\n",
    );
    expect(text).toMatch(/^HTTP\/1.1 417 /);
  });

  test("HEAD gets the head of the answer and nothing else", async () => {
    listener = await startListener(() =>
      Promise.resolve({ status: 200, headers: {}, body: [Buffer.from("four"), Buffer.from("teen")] }),
    );
    const text = await exchangeRaw(listener.port, "HEAD / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    expect(text).toMatch(/content-length: 8\r\n/i);
    expect(text).toMatch(/\r\n\r\n$/);
  });

  test("a service can close the connection after its answer", async () => {
    listener = await startListener(() =>
      Promise.resolve({ status: 204, headers: {}, body: Buffer.alloc(0), close: true }),
    );
    expect(await exchangeRaw(listener.port, "GET / HTTP/1.1\r\nhost: x\r\n\r\n")).toMatch(
      /^HTTP\/1.1 204 [^]*connection: close/i,
    );
  });

  test("repeated headers are joined", async () => {
    listener = await startListener(echo);
    const text = await exchangeRaw(
      listener.port,
      "GET / HTTP/1.1\r\nhost: x\r\na: 1\r\nA: 2\r\nconnection: close\r\n\r\n",
    );
    expect(text).toContain('"a":"1, 2"');
  });
});

describe("HTTP/2", () => {
  test("streams are answered as they finish, not in their order", async () => {
    listener = await startListener(async (request) => {
      if (request.path === "/slow") await clock.sleep(30);
      return echo(request);
    });
    const session = openHttp2(listener.urls[0]!);
    const order: string[] = [];
    await Promise.all(
      ["/slow", "/quick"].map(async (path) => {
        await request2(session, { ":path": path });
        order.push(path);
      }),
    );
    session.close();
    expect(order).toEqual(["/quick", "/slow"]);
  });

  test("100 Continue, HEAD, and an answer in several large pieces", async () => {
    const piece = Buffer.alloc(700_000, "x");
    listener = await startListener((request) =>
      request.path === "/large"
        ? Promise.resolve({ status: 200, headers: {}, body: [piece, piece] })
        : echo(request),
    );
    const session = openHttp2(listener.urls[0]!);
    const stream = session.request({ ":method": "POST", ":path": "/", expect: "100-continue" });
    const continued = new Promise<void>((resolve) => stream.on("continue", resolve));
    const body = new Promise<string>((resolve) =>
      stream.once("data", (chunk: Buffer) => resolve(chunk.toString())),
    );
    await continued;
    stream.end("after");
    expect(await body).toContain('"body":"after"');

    const large = await request2(session, { ":path": "/large" });
    expect(large.body.length).toBe(1_400_000);
    expect(large.headers["content-length"]).toBe("1400000");
    const head = await request2(session, { ":path": "/large", ":method": "HEAD" });
    expect(head).toMatchObject({ status: 200, body: "", headers: { "content-length": "1400000" } });
    session.close();
  });

  test("many short sessions, one request each, leave nothing behind", async () => {
    listener = await startListener(echo);
    const { urls } = listener;
    for (let i = 0; i < 40; i += 1) {
      const session = openHttp2(urls[0]!);
      const answer = await request2(session, {}, "x".repeat(i));
      expect(answer.status).toBe(200);
      session.close();
    }
    const { stats } = listener;
    while (stats().connections > 0) await clock.sleep(2);
    expect(stats()).toMatchObject({ http2Sessions: 0, http2SessionsTotal: 40, requestsInFlight: 0 });
    expect(listener.memory.usedBytes).toBe(0);
  });
});

test("a client agent that keeps connections alive gets them kept alive", async () => {
  listener = await startListener(echo);
  const { port } = listener;
  const { Agent } = await import("node:http");
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const once = () =>
    new Promise<void>((resolve, reject) => {
      const request = request1({ port, host: "127.0.0.1", agent, method: "POST" }, (response) => {
        response.resume().on("end", resolve);
      });
      request.on("error", reject);
      request.end("x");
    });
  await once();
  await once();
  agent.destroy();
  expect(listener.stats()).toMatchObject({ connectionsTotal: 1, requestsTotal: 2 });
});

function overTls(
  port: number,
  protocols: string[] | undefined,
  bytes: string | Buffer,
): Promise<{ protocol: string | false | null; text: string }> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({
      port,
      host: "127.0.0.1",
      ca: tls.cert,
      ...(protocols === undefined ? {} : { ALPNProtocols: protocols }),
    });
    let text = "";
    socket.on("secureConnect", () => socket.write(bytes));
    socket.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
    socket.on("end", () => resolve({ protocol: socket.alpnProtocol, text }));
    socket.on("error", reject);
  });
}
