/** Each SDK speaks what it is here for: a recorder takes the place of the server. */
import * as http from "node:http";
import * as http2 from "node:http2";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { expect, test } from "vitest";
import { openDriver } from "../src/drivers.ts";
import { cbor, json } from "../src/raw.ts";
import { target } from "../src/target.ts";

interface Seen {
  readonly version: "1.1" | "2";
  readonly contentType: string | undefined;
  readonly target: string | undefined;
}

const expected = {
  javascript: { version: "2", contentType: json },
  python: { version: "1.1", contentType: json },
  java: { version: "2", contentType: cbor },
} as const;

/** Takes one request in either version of HTTP, refuses it, and tells what it was. */
async function recorder() {
  const seen: Seen[] = [];
  const sockets = new Set<Socket>();
  const note = (version: Seen["version"], headers: http.IncomingHttpHeaders | http2.IncomingHttpHeaders) =>
    seen.push({
      version,
      contentType: headers["content-type"],
      target: headers["x-amz-target"] as string | undefined,
    });
  const one = http.createServer((request, response) => {
    note("1.1", request.headers);
    response.writeHead(400, { "content-type": json }).end('{"__type":"Seen"}');
  });
  const two = http2.createServer();
  two.on("stream", (stream, headers) => {
    note("2", headers);
    stream.on("error", () => {});
    stream.respond({ ":status": 400, "content-type": json });
    stream.end('{"__type":"Seen"}');
  });
  const listener = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("readable", () => {
      const first = (socket.read() as Buffer | null) ?? Buffer.alloc(0);
      socket.unshift(first);
      (first.toString("latin1", 0, 3) === "PRI" ? two : one).emit("connection", socket);
    });
  });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  return {
    endpoint: `http://127.0.0.1:${(listener.address() as AddressInfo).port}`,
    seen,
    close() {
      for (const socket of sockets) socket.destroy();
      listener.close();
    },
  };
}

test(`the SDK for ${target.driver.name} speaks HTTP/${expected[target.driver.name].version} and ${expected[target.driver.name].contentType}`, async () => {
  const recording = await recorder();
  const driver = openDriver(recording.endpoint, target.region);
  await driver
    .client("123456789012")
    .call("ListStreams")
    .catch(() => {});
  await driver.close();
  recording.close();
  expect(recording.seen).toEqual([{ ...expected[driver.name], target: "Kinesis_20131202.ListStreams" }]);
});
