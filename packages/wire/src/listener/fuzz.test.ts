/** Hostile bytes on raw sockets: whatever comes, others are served and nothing is kept. */
import { seededRandom } from "@millrace/runtime";
import type { Random } from "@millrace/runtime";
import { expect, test } from "vitest";
import { LOCAL_HOSTS, selfSignedCertificate } from "./self-signed-certificate.ts";
import { clock, echo, eventually, post, RawClient, startListener } from "./test-support.ts";

const tls = selfSignedCertificate({
  hosts: LOCAL_HOSTS,
  validFromMs: clock.nowMs() - 60_000,
  validToMs: clock.nowMs() + 86_400_000,
  serial: Buffer.from("0123456789abcdef"),
});

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const SETTINGS = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);

function frame(
  type: number,
  flags: number,
  streamId: number,
  payload: Uint8Array,
  length = payload.length,
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(streamId, 5);
  return Buffer.concat([head, payload]);
}

const GET_ROOT = Buffer.from([0x82, 0x86, 0x84, 0x01, 1, 0x78]);

/** Ways to be hostile; each makes the bytes of one connection. */
const attacks: Record<string, (random: Random) => Buffer> = {
  "random bytes": (random) => Buffer.from(random.bytes(1 + random.below(4000))),
  "random bytes that begin like TLS": (random) =>
    Buffer.concat([Buffer.of(0x16, 3, 1), random.bytes(random.below(2000))]),
  "random bytes after the preface": (random) => Buffer.concat([PREFACE, random.bytes(random.below(2000))]),
  "random frames": (random) => {
    const frames = Array.from({ length: 1 + random.below(30) }, () =>
      frame(random.below(11), random.below(256), random.below(9), random.bytes(random.below(60))),
    );
    return Buffer.concat([PREFACE, SETTINGS, ...frames]);
  },
  "a frame that is cut off": (random) =>
    Buffer.concat([
      PREFACE,
      SETTINGS,
      frame(1, 5, 1, GET_ROOT),
      frame(0, 0, 3, random.bytes(10), 100 + random.below(1000)),
    ]),
  "a frame that is too long": (random) =>
    Buffer.concat([PREFACE, SETTINGS, frame(0, 0, 1, random.bytes(100), 0xffffff)]),
  "headers without end": () =>
    Buffer.concat([
      PREFACE,
      SETTINGS,
      frame(1, 0, 1, GET_ROOT),
      ...Array.from({ length: 50 }, () => frame(9, 0, 1, GET_ROOT)),
    ]),
  "a flood of pings": () =>
    Buffer.concat([PREFACE, SETTINGS, ...new Array<Buffer>(5000).fill(frame(6, 0, 0, Buffer.alloc(8)))]),
  "a flood of settings": () => Buffer.concat([PREFACE, SETTINGS, ...new Array<Buffer>(5000).fill(SETTINGS)]),
  "a flood of empty data": () =>
    Buffer.concat([
      PREFACE,
      SETTINGS,
      frame(1, 4, 1, GET_ROOT),
      ...new Array<Buffer>(5000).fill(frame(0, 0, 1, Buffer.alloc(0))),
    ]),
  "rapid reset": () => {
    const streams: Buffer[] = [];
    for (let id = 1; id < 6000; id += 2)
      streams.push(frame(1, 5, id, GET_ROOT), frame(3, 0, id, Buffer.of(0, 0, 0, 8)));
    return Buffer.concat([PREFACE, SETTINGS, ...streams]);
  },
  "a request with bytes changed": (random) => {
    const bytes = Buffer.from(post("hello", { "x-amz-target": "Kinesis_20131202.PutRecord" }));
    for (let i = 0; i < 1 + random.below(4); i += 1) bytes[random.below(bytes.length)] = random.below(256);
    return bytes;
  },
  "a request that is cut off": (random) => {
    const bytes = post("hello");
    return bytes.subarray(0, 1 + random.below(bytes.length - 1));
  },
  "chunks of nonsense": (random) =>
    Buffer.concat([
      Buffer.from("POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"),
      Buffer.from(`${random.below(0xffff).toString(16)}${"0".repeat(random.below(20))}\r\n`),
      random.bytes(random.below(300)),
    ]),
};

test.each(Object.keys(attacks))("%s: the server goes on serving others and keeps nothing", async (name) => {
  const attack = attacks[name]!;
  const listener = await startListener(echo, {
    tls,
    limits: {
      headerTimeoutMs: 700,
      bodyProgressTimeoutMs: 600,
      bodyTimeoutMs: 700,
      idleTimeoutMs: 700,
      // After some protocol errors nghttp2 says GOAWAY, sends and reads no more, and tells nobody.
      answerProgressTimeoutMs: 700,
      lingerMs: 10,
    },
  });
  try {
    const seeds = Array.from({ length: 12 }, (_, index) => index + 1);
    await Promise.all(
      seeds.map(async (seed) => {
        const random = seededRandom(seed);
        const client = await RawClient.open(listener.port);
        client.send(attack(random));
        // Some leave at once, some close their half, some stay.
        const manner = random.below(3);
        if (manner === 0) client.destroy();
        else if (manner === 1) client.socket.end();
        await clock.sleep(random.below(20));
        expect((await fetch(listener.urls[0]!, { method: "POST", body: "still there" })).status).toBe(200);
        if (manner !== 0) await Promise.race([client.end(), clock.sleep(250)]);
        client.destroy();
      }),
    );
    await eventually(() => listener.stats().requestsInFlight === 0, "no request is in flight");
    await eventually(() => listener.memory.usedBytes === 0, "no memory is held");
    // HTTP/1.1 connections that are alive may wait a little longer for their next request.
    await eventually(() => listener.stats().http2Sessions === 0, "no session is left");
  } finally {
    await listener.close();
  }
  expect(listener.stats()).toMatchObject({ connections: 0, http2Sessions: 0 });
  expect(listener.logged.filter((line) => line.includes("failed"))).toEqual([]);
});
