/** Connections whose requests are plain, and what happens when they do not stay so. */
import { afterEach, expect, test } from "vitest";
import type { WireRequest } from "../exchange.ts";
import { clock, echo, eventually, gate, json, post, RawClient, startListener } from "./test-support.ts";
import type { TestListener } from "./test-support.ts";

let listener: TestListener;
let client: RawClient;
afterEach(async () => {
  client.destroy();
  await eventually(() => listener.stats().requestsInFlight === 0, "no request is in flight");
  expect(listener.memory.usedBytes).toBe(0);
  await listener.close();
});

const answerCount = (text: string) => text.match(/HTTP\/1\.1 200 /g)?.length ?? 0;
const bodiesOf = (text: string) => [...text.matchAll(/"body":"(\w*)"/g)].map((match) => match[1]);
const untilAnswers = (count: number) =>
  client.until((text) => answerCount(text) === count && text.endsWith("}"));
const chunked = Buffer.from(
  "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\ntwo\r\n0\r\n\r\n",
);

test("a connection is used for one plain request after the other, and says for how long it can be", async () => {
  listener = await startListener(echo);
  client = await RawClient.open(listener.port);
  for (const [index, body] of ["one", "two", "three"].entries()) {
    client.send(post(body));
    await untilAnswers(index + 1);
  }
  expect(bodiesOf(client.text)).toEqual(["one", "two", "three"]);
  expect(client.text.match(/Connection: keep-alive\r\nKeep-Alive: timeout=120\r\n/g)).toHaveLength(3);
  expect(client.text.match(/Date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n/g)).toHaveLength(3);
  expect(listener.stats()).toMatchObject({ connectionsTotal: 1, requestsTotal: 3 });
});

test("a connection on which a request is not plain goes on with that, and with what follows", async () => {
  listener = await startListener(echo);
  client = await RawClient.open(listener.port);
  client.send(post("one"));
  await untilAnswers(1);
  client.send(chunked);
  await untilAnswers(2);
  client.send(Buffer.concat([post("three"), post("four"), post("five")]));
  await untilAnswers(5);
  expect(bodiesOf(client.text)).toEqual(["one", "two", "three", "four", "five"]);
  expect(listener.stats()).toMatchObject({ connectionsTotal: 1, requestsTotal: 5 });
});

test.each([
  ["one", [post("two")]],
  ["several", [post("two"), post("three"), post("four")]],
  ["one that is not plain", [chunked, post("three")]],
  ["a part of one", [post("two").subarray(0, 20)]],
])("what is sent while a request is worked on waits for it: %s", async (_what, sent) => {
  const { opened, open } = gate();
  const seen: WireRequest[] = [];
  listener = await startListener(async (request) => {
    seen.push(request);
    await opened;
    return echo(request);
  });
  client = await RawClient.open(listener.port);
  client.send(post("one"));
  await eventually(() => seen.length === 1, "the first is worked on");
  for (const bytes of sent) {
    client.send(bytes);
    await clock.sleep(2);
  }
  expect(seen.length).toBe(1);
  open();
  if (sent[0]!.length === 20) {
    await untilAnswers(1);
    client.send(post("two").subarray(20));
  }
  const expected = ["one", "two", "three", "four"].slice(0, 1 + sent.length);
  await untilAnswers(expected.length);
  expect(bodiesOf(client.text)).toEqual(expected);
});

test("a client that sends ahead and closes its half gets all of its answers", async () => {
  const { opened, open } = gate();
  let begun = 0;
  listener = await startListener(async (request) => {
    begun += 1;
    await opened;
    return echo(request);
  });
  client = await RawClient.open(listener.port);
  client.send(post("one"));
  await eventually(() => begun === 1, "the first is worked on");
  client.send(Buffer.concat([post("two"), post("three")]));
  client.socket.end();
  await clock.sleep(2);
  open();
  expect(bodiesOf(await client.end())).toEqual(["one", "two", "three"]);
});

test("a body may come in any parts, and the next request right behind it", async () => {
  listener = await startListener((request) => Promise.resolve(json(200, request.body.length)));
  client = await RawClient.open(listener.port);
  const small = post("small");
  for (let at = 0; at < small.length; at += 1) {
    // The head in one piece, then the body byte by byte.
    const end = at === 0 ? small.length - 5 : at + 1;
    client.send(small.subarray(at, end));
    at = end - 1;
    await clock.sleep(1);
  }
  await client.until((text) => text.endsWith("\r\n\r\n5"));
  const large = Buffer.concat([post(Buffer.alloc(1_000_000, "l")), post("next")]);
  const cut = large.length - 30;
  client.send(large.subarray(0, 300));
  await clock.sleep(2);
  client.send(large.subarray(300, cut));
  await clock.sleep(2);
  client.send(large.subarray(cut));
  await client.until((text) => answerCount(text) === 3 && text.endsWith("\r\n\r\n4"));
  expect(client.text).toContain("\r\n\r\n1000000HTTP/1.1 200 OK");
});

test("an answer that cannot be a header is not sent, whatever it came from", async () => {
  listener = await startListener((request) =>
    Promise.resolve({
      status: 200,
      headers: { "x-echo": decodeURIComponent(request.path) },
      body: Buffer.from("b"),
    }),
  );
  client = await RawClient.open(listener.port);
  client.send("GET /%0d%0aset-cookie:%20a HTTP/1.1\r\nhost: x\r\n\r\n");
  expect(await client.end()).toBe("");
  expect(listener.logged.join()).toContain("the header x-echo has characters that none can have");
});

test("an answer larger than the socket takes at once arrives whole, and the next one behind it", async () => {
  const large = Buffer.alloc(200_000, "l");
  listener = await startListener((request) =>
    Promise.resolve({
      status: 200,
      headers: {},
      body: request.path === "/large" ? [large, large, large] : Buffer.from("!"),
    }),
  );
  client = await RawClient.open(listener.port);
  client.socket.pause();
  client.send("GET /large HTTP/1.1\r\nhost: x\r\n\r\n");
  client.send("GET /small HTTP/1.1\r\nhost: x\r\n\r\n");
  await clock.sleep(5);
  client.socket.resume();
  await client.until((text) => text.endsWith("!"));
  expect(answerCount(client.text)).toBe(2);
  expect(client.text.split("l").length - 1).toBeGreaterThan(600_000);
});

test("an answer without a body has none", async () => {
  listener = await startListener(() =>
    Promise.resolve({ status: 204, headers: {}, body: Buffer.from("no") }),
  );
  client = await RawClient.open(listener.port);
  client.send(post("x"));
  await client.until((text) => text.includes("\r\n\r\n"));
  client.socket.end();
  expect(await client.end()).toMatch(/^HTTP\/1\.1 204 No Content\r\n[^]*\r\n\r\n$/);
  expect(client.text).not.toMatch(/content-length/i);
});
