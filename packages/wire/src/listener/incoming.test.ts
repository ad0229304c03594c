/** Reading many sockets into one piece of memory. */
import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { takeConnections } from "./incoming.ts";
import type { Incoming } from "./incoming.ts";
import { eventually } from "./test-support.ts";

const memory = Buffer.alloc(64);
const open: (Server | Socket)[] = [];
afterEach(() => {
  for (const each of open.splice(0)) {
    if ("destroy" in each) each.destroy();
    else each.close();
  }
});

/** Both ends of a connection. */
async function connected(): Promise<{ incoming: Incoming; client: Socket }> {
  const server = createServer({ allowHalfOpen: true }, () => {
    throw new Error("this version of Node has no such handle");
  });
  open.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const arrives = new Promise<Incoming>((resolve) => takeConnections(server, memory, resolve));
  const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const incoming = await arrives;
  open.push(client, incoming.socket);
  return { incoming, client };
}

test("this version of Node reads into memory that it is given", async () => {
  const { incoming, client } = await connected();
  const seen: string[] = [];
  incoming.listen((bytes) => {
    expect(bytes.buffer).toBe(memory.buffer);
    seen.push(bytes.toString());
  });
  client.write("hello");
  await eventually(() => seen.join("") === "hello", "the bytes have come");
});

test("bytes that were put back come first, and while the socket is paused none come", async () => {
  const { incoming, client } = await connected();
  let seen = "";
  let isFirst = true;
  incoming.listen((bytes) => {
    if (isFirst) incoming.putBack(bytes);
    else seen += bytes.toString();
    isFirst = false;
  });
  client.write("first, ");
  await eventually(() => !isFirst, "the first bytes have come");
  client.write("second");
  await eventually(() => client.writableLength === 0, "the second bytes are sent");
  expect(seen).toBe("");
  incoming.socket.resume();
  await eventually(() => seen === "first, second", "all bytes have come in order");
});

test("without a listener it is a stream like any other, and stops reading when nobody takes anything", async () => {
  const { incoming, client } = await connected();
  const sent = Buffer.alloc(8_000_000, "0123456789");
  client.end(sent);
  await eventually(
    () => incoming.socket.readableLength >= incoming.socket.readableHighWaterMark,
    "it is full",
  );
  const heldBytes = incoming.socket.readableLength;
  expect(heldBytes).toBeLessThan(1_000_000);
  const parts: Buffer[] = [];
  for await (const part of incoming.socket) parts.push(part as Buffer);
  expect(Buffer.concat(parts).equals(sent)).toBe(true);
});

test("the end of the other side, and its leaving, are told", async () => {
  const { incoming, client } = await connected();
  let isEnded = false;
  let isClosed = false;
  incoming.listen(() => undefined);
  incoming.socket.once("end", () => (isEnded = true));
  incoming.socket.once("close", () => (isClosed = true));
  client.end("bye");
  await eventually(() => isEnded, "the end is told");
  incoming.socket.end();
  await eventually(() => isClosed, "the close is told");
});
