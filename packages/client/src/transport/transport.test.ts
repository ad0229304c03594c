import { once } from "node:events";
import http from "node:http";
import http2 from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { http1Transport } from "./http1.ts";
import { http2Transport } from "./http2.ts";
import type { ClientTransport, TransportRequest } from "./transport.ts";

/** What both kinds of test server can do. */
interface Far {
  readonly url: URL;
  readonly connectionCount: () => number;
  /** Ends every connection, as a restart does. */
  hangUp(): void;
  close(): Promise<void>;
}

type Answer = (
  path: string,
  body: string,
  write: (piece: string) => void,
  end: () => void,
  breakOff: () => void,
) => void;

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

async function serveHttp1(answer: Answer): Promise<Far> {
  const server = http.createServer((request, response) => {
    let body = "";
    request.on("data", (piece: Buffer) => (body += piece.toString()));
    request.on("end", () => {
      response.writeHead(200, { "x-seen-host": request.headers.host, "set-cookie": ["a", "b"] });
      response.flushHeaders();
      answer(
        request.url ?? "",
        body,
        (piece) => response.write(piece),
        () => response.end(),
        () => response.destroy(),
      );
    });
  });
  return listening(server);
}

async function serveHttp2(answer: Answer): Promise<Far> {
  const server = http2.createServer();
  server.on("stream", (stream, headers) => {
    let body = "";
    stream.on("error", () => {});
    stream.on("data", (piece: Buffer) => (body += piece.toString()));
    stream.on("end", () => {
      stream.respond({ ":status": 200, "x-seen-host": headers[":authority"], "set-cookie": ["a", "b"] });
      answer(
        String(headers[":path"]),
        body,
        (piece) => stream.write(piece),
        () => stream.end(),
        () => stream.destroy(new Error("broken off")),
      );
    });
  });
  return listening(server);
}

async function listening(server: http.Server | http2.Http2Server): Promise<Far> {
  const sockets = new Set<Socket>();
  let connectionCount = 0;
  server.on("connection", (socket: Socket) => {
    connectionCount += 1;
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const far = {
    url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    connectionCount: () => connectionCount,
    hangUp: () => {
      for (const socket of sockets) socket.destroy();
    },
    async close() {
      far.hangUp();
      server.close();
      await once(server, "close");
    },
  };
  opened.push(far);
  return far;
}

const post = (body: string, more: Partial<TransportRequest> = {}): TransportRequest => ({
  method: "POST",
  path: "/",
  headers: {},
  body: Buffer.from(body),
  ...more,
});

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of body) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

const echo: Answer = (path, body, write, end) => {
  write(`${path} ${body}`);
  end();
};

describe.each([
  { name: "HTTP/1.1", serve: serveHttp1, connect: (url: URL) => http1Transport(url) },
  { name: "HTTP/2", serve: serveHttp2, connect: (url: URL) => http2Transport(url) },
])("$name", ({ serve, connect }) => {
  function open(url: URL): ClientTransport {
    const transport = connect(url);
    opened.push(transport);
    return transport;
  }

  test("carries path, headers and body there and back", async () => {
    const far = await serve(echo);
    const transport = open(new URL(`${far.url.href}base/`));
    const { status, headers, body } = await transport.send(post("hello", { path: "/x?y=z" }));
    expect(await textOf(body)).toBe("/base/x?y=z hello");
    expect(status).toBe(200);
    expect(headers).toMatchObject({ "x-seen-host": far.url.host, "set-cookie": "a, b" });
    expect(transport.authority).toBe(far.url.host);
  });

  test("an empty body arrives as one", async () => {
    const far = await serve(echo);
    expect(await textOf((await open(far.url).send(post(""))).body)).toBe("/ ");
  });

  test("requests one after the other share a connection", async () => {
    const far = await serve(echo);
    const transport = open(far.url);
    for (const text of ["a", "b", "c"]) {
      expect(await textOf((await transport.send(post(text))).body)).toBe(`/ ${text}`);
    }
    expect(far.connectionCount()).toBe(1);
  });

  test("after the far end hung up the next request opens a new connection", async () => {
    const far = await serve(echo);
    const transport = open(far.url);
    await textOf((await transport.send(post("a"))).body);
    far.hangUp();
    // The end of a connection takes a moment to arrive; a request that meets it fails as any broken one does.
    let text: string | undefined;
    for (let attempt = 0; text === undefined && attempt < 50; attempt += 1) {
      text = await transport.send(post("b")).then(
        ({ body }) => textOf(body),
        () => undefined,
      );
    }
    expect(text).toBe("/ b");
    expect(far.connectionCount()).toBeGreaterThan(1);
  });

  test("pieces arrive as they are sent", async () => {
    let finish = () => {};
    const far = await serve((_path, _body, write, end) => {
      write("first");
      finish = () => {
        write("second");
        end();
      };
    });
    const { body } = await open(far.url).send(post(""));
    const seen: string[] = [];
    for await (const piece of body) {
      seen.push(Buffer.from(piece).toString());
      finish();
    }
    expect(seen).toEqual(["first", "second"]);
  });

  test("a refused connection is a transport error with its code", async () => {
    const far = await serve(echo);
    await opened.pop()?.close();
    await expect(open(far.url).send(post(""))).rejects.toMatchObject({
      name: "TransportError",
      code: "ECONNREFUSED",
    });
  });

  test("an answer that breaks off is a transport error, not a short answer", async () => {
    const far = await serve((_path, _body, write, _end, breakOff) => {
      write("half");
      setImmediate(breakOff);
    });
    const { body } = await open(far.url).send(post(""));
    await expect(textOf(body)).rejects.toMatchObject({ name: "TransportError" });
  });

  test("aborting before, during and after the head rejects with the reason", async () => {
    const enough = new Error("enough");
    await expect(
      open(new URL("http://127.0.0.1:9")).send(post("", { signal: AbortSignal.abort(enough) })),
    ).rejects.toBe(enough);
    const controller = new AbortController();
    const far = await serve((_path, _body, write) => write("first"));
    const { body } = await open(far.url).send(post("", { signal: controller.signal }));
    const reading = textOf(body);
    setImmediate(() => controller.abort(enough));
    await expect(reading).rejects.toBe(enough);
  });
});

test("HTTP/2 requests share one session", async () => {
  const far = await serveHttp2(echo);
  const transport = http2Transport(far.url);
  opened.push(transport);
  const texts = await Promise.all(
    Array.from({ length: 20 }, async (_, at) => textOf((await transport.send(post(String(at)))).body)),
  );
  expect(texts).toEqual(Array.from({ length: 20 }, (_, at) => `/ ${at}`));
  expect(far.connectionCount()).toBe(1);
});
