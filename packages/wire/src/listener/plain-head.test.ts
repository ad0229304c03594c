/** What the quick reader takes of an HTTP/1.1 request is what Node's own parser takes. */
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { Duplex } from "node:stream";
import fc from "fast-check";
import { expect, test } from "vitest";
import { LISTENER_LIMITS } from "./limits.ts";
import { readPlainHead } from "./plain-head.ts";

interface Understood {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
  readonly keepsAlive: boolean;
}

const server = createServer({ joinDuplicateHeaders: true, requireHostHeader: false });

/** What Node makes of the bytes of one request; undefined when they are none, or not all of one. */
function readByNode(bytes: Buffer): Promise<Understood | undefined> {
  return new Promise((resolve) => {
    const connection = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
    let found: Understood | undefined;
    const finish = () => {
      server.off("request", onRequest);
      server.off("clientError", finish);
      connection.destroy();
      resolve(found);
    };
    const onRequest = (request: IncomingMessage, response: ServerResponse) => {
      let body = "";
      request.on("error", () => {});
      request.on("data", (chunk: Buffer) => (body += chunk.toString("latin1")));
      request.on("end", () => {
        const { method = "", url: path = "", headers } = request;
        found = { method, path, headers, body, keepsAlive: response.shouldKeepAlive };
        setImmediate(finish);
      });
    };
    server.on("request", onRequest);
    server.on("clientError", finish);
    server.emit("connection", connection);
    connection.push(bytes);
    connection.push(null);
  });
}

function readHere(bytes: Buffer): Understood | undefined {
  const head = readPlainHead(bytes, LISTENER_LIMITS.headerBytesMax);
  if (head === undefined || bytes.length !== head.headBytes + head.bodyBytes) return undefined;
  const { method, path, headers, headBytes } = head;
  return { method, path, headers, body: bytes.toString("latin1", headBytes), keepsAlive: true };
}

const plain =
  "POST /a?b=c HTTP/1.1\r\nHost: x\r\nX-Amz-Target: Kinesis_20131202.PutRecord\r\n" +
  "Authorization: AWS4-HMAC-SHA256 Credential=A/20261121/us-east-1/kinesis/aws4_request, SignedHeaders=host, Signature=f\r\n" +
  "Content-Length: 2\r\nConnection: keep-alive\r\nempty:\r\nspaced: \t a \t b\t \r\n\r\n{}";

test("a plain request is read", async () => {
  const read = readHere(Buffer.from(plain, "latin1"));
  expect(read).toMatchObject({ method: "POST", path: "/a?b=c", body: "{}" });
  expect(read!.headers).toMatchObject({ host: "x", empty: "", spaced: "a \t b", "content-length": "2" });
  expect(read).toEqual(await readByNode(Buffer.from(plain, "latin1")));
});

test("what a head has in common with the one before, and what it has not, is read alike", async () => {
  const other = plain
    .replace("Host: x", "Host: xy")
    .replace("Signature=f", "Signature=ff")
    .replace("spaced: \t a", "spaced: b");
  const shorter = plain.replace("empty:\r\n", "");
  for (const text of [plain, other, plain, shorter, plain]) {
    const bytes = Buffer.from(text, "latin1");
    expect(readHere(bytes)).toEqual(await readByNode(bytes));
  }
});

test.each([
  ["another method", "PUT / HTTP/1.1\r\nhost: x\r\n\r\n"],
  ["another version", "GET / HTTP/1.0\r\nhost: x\r\n\r\n"],
  ["a whole URL", "GET http://x/ HTTP/1.1\r\nhost: x\r\n\r\n"],
  ["a head that is not whole", "GET / HTTP/1.1\r\nhost: x\r\n"],
  ["no host", "GET / HTTP/1.1\r\n\r\n"],
  ["a repeated header", "GET / HTTP/1.1\r\nhost: x\r\na: 1\r\nA: 2\r\n\r\n"],
  ["chunks", "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"],
  ["an expectation", "POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\n\r\n"],
  ["an upgrade", "GET / HTTP/1.1\r\nhost: x\r\nupgrade: h2c\r\n\r\n"],
  ["a connection that is to be closed", "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"],
  ["a header in two lines", "GET / HTTP/1.1\r\nhost: x\r\na: b\r\n c\r\n\r\n"],
  ["a space before the colon", "GET / HTTP/1.1\r\nhost : x\r\n\r\n"],
  ["a length with a tab behind it", "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\t\r\n\r\nx"],
  ["a length that is no number", "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: +1\r\n\r\nx"],
  ["a line feed alone", "GET / HTTP/1.1\r\nhost: x\na: b\r\n\r\n"],
  ["a zero in a value", "GET / HTTP/1.1\r\nhost: x\0\r\n\r\n"],
  ["a name that every object has", "GET / HTTP/1.1\r\nhost: x\r\n__proto__: y\r\n\r\n"],
  ["a name that every object inherits", "GET / HTTP/1.1\r\nhost: x\r\nconstructor: y\r\n\r\n"],
])("%s is left to Node", (_what, text) => {
  expect(readPlainHead(Buffer.from(text, "latin1"), LISTENER_LIMITS.headerBytesMax)).toBeUndefined();
});

test("a head beyond the limit is left to Node", () => {
  const bytes = Buffer.from(plain, "latin1");
  const headBytes = bytes.length - 2;
  expect(readPlainHead(bytes, headBytes)).toMatchObject({ headBytes });
  expect(readPlainHead(bytes, headBytes - 1)).toBeUndefined();
});

const piece = fc.constantFrom(
  ..."GET,POST,PUT, ,/,/x,HTTP/1.1,HTTP/1.0,\r\n,\r,\n,\r\n\r\n,:,: ,\t,host,Host: y,content-length,Content-Length: 1".split(
    ",",
  ),
  ..."0,1,2,-1,0x1,transfer-encoding: chunked,connection,Connection: close,keep-alive,upgrade,expect,é,\0,\x7f,\xff".split(
    ",",
  ),
  ...'a,A: 1,"(),;=@[]{}?\\,__proto__: 1,trailer: a,{},x'.split(","),
);

/** A good request with some bytes of it replaced by, or grown by, what matters in HTTP. */
const nearlyPlain = fc
  .array(fc.tuple(fc.nat(plain.length), fc.nat(3), piece), { maxLength: 4 })
  .map((edits) => {
    let text = plain;
    for (const [at, removed, added] of edits) text = text.slice(0, at) + added + text.slice(at + removed);
    return Buffer.from(text, "latin1");
  });

test("whatever is read, Node reads the same", async () => {
  let readCount = 0;
  await fc.assert(
    fc.asyncProperty(nearlyPlain, async (bytes) => {
      const read = readHere(bytes);
      if (read === undefined) return;
      readCount += 1;
      expect(read).toEqual(await readByNode(bytes));
    }),
    { numRuns: 2_000, examples: [[Buffer.from(plain, "latin1")]] },
  );
  expect(readCount).toBeGreaterThan(100);
});
