import { PutRecords } from "@millrace/api";
import { describe, expect, test } from "vitest";
import { seededRandom, simulatedClock, simulatedPorts } from "@millrace/runtime";
import type { Logger } from "@millrace/runtime";
import { encodeCbor } from "../cbor/encode.ts";
import type { Cursor } from "../cursor.ts";
import type { WireRequest, WireResponse, WireService } from "../exchange.ts";
import { ConnectionDropped } from "../listener/refusal.ts";
import { recordColumnsOf } from "../put-records/scanned-input.ts";
import { remoteService } from "./remote-service.ts";
import { servePort } from "./serve-port.ts";

/** The service as another thread sees it, and the clock that carries messages between the two. */
function handedOver(service: WireService, { findRecords = true, seed = 1 } = {}) {
  const clock = simulatedClock();
  const [here, there] = simulatedPorts({ clock, random: seededRandom(seed) });
  const errors: string[] = [];
  const note: Logger["error"] = (message) => void errors.push(message);
  servePort(there, service, { debug: note, info: note, warn: note, error: note });
  const remote = remoteService(here, { findRecords });
  return { ask: (request: WireRequest) => clock.finish(remote(request)), remote, clock, errors };
}

function request(body: string | Uint8Array, headers: Record<string, string> = {}): WireRequest {
  return {
    method: "POST",
    path: "/?a=b",
    headers: { "content-type": "application/x-amz-json-1.1", ...headers },
    body: Buffer.from(body as string),
    remoteAddress: "10.1.2.3",
    viaTls: true,
    httpVersion: "2",
  };
}

const toPutRecords = { "x-amz-target": "Kinesis_20131202.PutRecords" };

function putRecords(...texts: string[]): WireRequest {
  const Records = texts.map((text) => ({
    PartitionKey: `key-${text.slice(0, 9)}`,
    Data: Buffer.from(text).toString("base64"),
  }));
  return request(JSON.stringify({ StreamName: "clicks", Records }), toPutRecords);
}

const answer = (body: WireResponse["body"]): WireResponse => ({ status: 200, headers: { a: "b" }, body });
const nothing = () => Promise.resolve(answer(new Uint8Array(0)));

describe("a request to the service of another thread", () => {
  test("arrives as it was sent", async () => {
    let seen: WireRequest | undefined;
    const { ask } = handedOver((given) => {
      seen = given;
      return nothing();
    });
    const sent = request("hello");
    await ask(sent);
    expect({ ...seen!, body: Buffer.from(seen!.body).toString() }).toEqual({ ...sent, body: "hello" });
  });

  test("carries no more than its body, whatever memory that is a view of", async () => {
    let heldBytes = 0;
    const { ask } = handedOver(({ body }) => {
      heldBytes = body.buffer.byteLength;
      return nothing();
    });
    await ask(request(Buffer.alloc(100_000).subarray(500, 600)));
    expect(heldBytes).toBe(100);
  });

  test("whose body lies in shared memory arrives with a copy", async () => {
    let isShared: boolean | undefined;
    const { ask } = handedOver(({ body }) => {
      isShared = body.buffer instanceof SharedArrayBuffer;
      return nothing();
    });
    const sent = request("x");
    await ask({ ...sent, body: new Uint8Array(new SharedArrayBuffer(100)) });
    expect(isShared).toBe(false);
  });

  test("is answered with the service's status, headers and bytes, laid end to end", async () => {
    const { ask } = handedOver(() =>
      Promise.resolve({ ...answer([Buffer.from("one "), Buffer.from("two")]), status: 400, close: true }),
    );
    const { body, ...rest } = await ask(request("x"));
    expect(rest).toEqual({ status: 400, headers: { a: "b" }, close: true });
    expect(Buffer.from(body as Uint8Array).toString()).toBe("one two");
  });

  test("leaves the service its bytes", async () => {
    const kept = Buffer.alloc(100_000, "x");
    const { ask } = handedOver(() => Promise.resolve(answer(kept)));
    await ask(request("x"));
    await ask(request("x"));
    expect(kept.toString("latin1", 99_990)).toBe("xxxxxxxxxx");
  });

  test("does not wait for another one", async () => {
    let finish: (response: WireResponse) => void = () => {};
    const { ask, remote, clock } = handedOver(({ headers }) =>
      headers["slow"] === undefined ? nothing() : new Promise((resolve) => (finish = resolve)),
    );
    const slow = remote(request("x", { slow: "yes" }));
    expect((await ask(request("x"))).status).toBe(200);
    finish({ ...answer(new Uint8Array(0)), status: 201 });
    expect((await clock.finish(slow)).status).toBe(201);
  });

  test("whose connection the service drops is dropped", async () => {
    const { ask } = handedOver(() => Promise.reject(new ConnectionDropped()));
    await expect(ask(request("x"))).rejects.toBeInstanceOf(ConnectionDropped);
  });

  test("that the service fails at says why", async () => {
    const { ask } = handedOver(() => Promise.reject(new Error("a bug")));
    await expect(ask(request("x"))).rejects.toThrow(/a bug/);
  });
});

describe("a request with records", () => {
  /** What the service sees of it: texts by their keys, or undefined when it got the body. */
  function textsOf(given: WireRequest): Record<string, string> | undefined {
    const columns = given.scanned && recordColumnsOf(given.scanned);
    if (columns === undefined) return undefined;
    const text = (bytes: Uint8Array, start: number, end: number) =>
      Buffer.from(bytes.subarray(start, end)).toString();
    return Object.fromEntries(
      Array.from({ length: columns.count }, (_, index) => [
        text(columns.keys, columns.keyStart(index), columns.keyEnd(index)),
        text(columns.data, columns.dataStart(index), columns.dataEnd(index)),
      ]),
    );
  }

  test("arrives as records, in shared memory, in place of its body", async () => {
    let seen: WireRequest | undefined;
    let texts: unknown;
    const { ask } = handedOver((given) => {
      seen = given;
      texts = textsOf(given);
      return nothing();
    });
    await ask(putRecords("one", "two", "three"));
    expect(texts).toEqual({ "key-one": "one", "key-two": "two", "key-three": "three" });
    expect(seen!.scanned!.StreamName).toBe("clicks");
    expect(seen!.body.length).toBe(0);
    expect(recordColumnsOf(seen!.scanned!)!.data.buffer).toBeInstanceOf(SharedArrayBuffer);
  });

  test("in shared memory already, as CBOR has it, arrives without a copy", async () => {
    const Records = [{ PartitionKey: "key", Data: Buffer.from("one") }];
    const whole = Buffer.concat(encodeCbor({ StreamName: "clicks", Records }, PutRecords.input));
    const body = Buffer.from(new SharedArrayBuffer(whole.length));
    body.set(whole);
    let seen: unknown;
    let texts: unknown;
    const { ask } = handedOver((given) => {
      texts = textsOf(given);
      seen = recordColumnsOf(given.scanned!)!.data.byteLength;
      return nothing();
    });
    await ask({ ...request("", { ...toPutRecords, "content-type": "application/x-amz-cbor-1.1" }), body });
    expect(texts).toEqual({ key: "one" });
    expect(seen).toBe(whole.length);
  });

  test.each([
    ["that the contract refuses", request('{"StreamName":"a b","Records":[]}', toPutRecords)],
    ["that is no document", request("{", toPutRecords)],
    ["of another operation", request('{"StreamName":"s"}', { "x-amz-target": "Kinesis_20131202.PutRecord" })],
    ["of another type", request(putRecords("one").body, { ...toPutRecords, "content-type": "text/plain" })],
  ])("%s arrives with its body", async (_, sent) => {
    let seen: WireRequest | undefined;
    const { ask } = handedOver((given) => {
      seen = given;
      return nothing();
    });
    await ask(sent);
    expect(seen!.scanned).toBeUndefined();
    expect(Buffer.from(seen!.body)).toEqual(Buffer.from(sent.body));
  });

  test("arrives with its body where records are not to be found beforehand", async () => {
    let seen: WireRequest | undefined;
    const { ask } = handedOver(
      (given) => {
        seen = given;
        return nothing();
      },
      { findRecords: false },
    );
    await ask(putRecords("one"));
    expect(seen!.scanned).toBeUndefined();
  });

  test("keeps its memory until it is answered, however many others come and go", async () => {
    const waiting: (() => void)[] = [];
    let first: WireRequest | undefined;
    const { ask, remote, clock } = handedOver((given) => {
      if (first !== undefined) return nothing();
      first = given;
      return new Promise((resolve) => waiting.push(() => resolve(answer(new Uint8Array(0)))));
    });
    const [one, other] = ["one".repeat(100), "two".repeat(100)];
    const kept = remote(putRecords(one));
    for (let turn = 0; turn < 50; turn += 1) await ask(putRecords(other));
    expect(Object.values(textsOf(first!)!)).toEqual([one]);
    for (const resolve of waiting) resolve();
    await clock.finish(kept);
    await ask(putRecords(other));
    expect(Object.values(textsOf(first!)!)).toEqual([other]);
  });
});

describe("a streamed answer", () => {
  async function piecesOf(clock: { finish<T>(promise: Promise<T>): Promise<T> }, body: WireResponse["body"]) {
    const pieces: string[] = [];
    const source = (body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
    for (;;) {
      const next = await clock.finish(source.next());
      if (next.done === true) return pieces;
      pieces.push(Buffer.from(next.value).toString());
    }
  }

  async function* texts(...values: (string | Error)[]) {
    for (const value of values) {
      if (value instanceof Error) throw value;
      yield Buffer.from(await Promise.resolve(value));
    }
  }

  test("comes piece by piece, to its end", async () => {
    const { ask, clock } = handedOver(() => Promise.resolve(answer(texts("a", "b", "c"))));
    expect(await piecesOf(clock, (await ask(request("x"))).body)).toEqual(["a", "b", "c"]);
  });

  test("that fails fails here too", async () => {
    const { ask, clock } = handedOver(() => Promise.resolve(answer(texts("a", new Error("no more")))));
    await expect(piecesOf(clock, (await ask(request("x"))).body)).rejects.toThrow(/no more/);
  });

  test("makes a piece only when it is asked for", async () => {
    let made = 0;
    const { ask, clock } = handedOver(() =>
      Promise.resolve(
        answer({
          [Symbol.asyncIterator]: () => ({
            next: () => Promise.resolve({ done: false, value: Buffer.from(String((made += 1))) }),
          }),
        } as AsyncIterable<Uint8Array>),
      ),
    );
    const { body } = await ask(request("x"));
    await clock.runFor(1_000);
    expect(made).toBe(0);
    await clock.finish((body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]().next());
    await clock.runFor(1_000);
    expect(made).toBe(1);
  });

  /** A cursor of which the test says when there is something to take. */
  class ByHand implements Cursor<Uint8Array> {
    readonly asked: string[] = [];
    wake: () => void = () => {};
    waiting: string | undefined;

    ready(): Promise<void> {
      this.asked.push("ready");
      return new Promise((resolve) => (this.wake = resolve));
    }
    take(): Promise<IteratorResult<Uint8Array, undefined> | undefined> {
      this.asked.push("take");
      const value = this.waiting;
      this.waiting = undefined;
      return Promise.resolve(value === undefined ? undefined : { done: false, value: Buffer.from(value) });
    }
    next(): Promise<IteratorResult<Uint8Array, undefined>> {
      throw new Error("a cursor is asked in two steps");
    }
    return(): Promise<IteratorResult<Uint8Array, undefined>> {
      this.asked.push("return");
      return Promise.resolve({ done: true, value: undefined });
    }
  }

  async function byHand() {
    const cursor = new ByHand();
    const { ask, clock } = handedOver(() =>
      Promise.resolve(answer({ [Symbol.asyncIterator]: () => cursor })),
    );
    const { body } = await ask(request("x"));
    const there = (body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]() as Cursor<Uint8Array>;
    return { cursor, there, clock };
  }

  test("of a cursor is a cursor: waiting and taking stay two steps", async () => {
    const { cursor, there, clock } = await byHand();
    const ready = there.ready();
    await clock.runFor(1_000);
    expect(cursor.asked).toEqual(["ready"]);
    cursor.waiting = "event";
    cursor.wake();
    await clock.finish(ready);
    const taken = await clock.finish(there.take());
    expect(Buffer.from(taken!.value!).toString()).toBe("event");
    expect(await clock.finish(there.take())).toBeUndefined();
    expect(cursor.asked).toEqual(["ready", "take", "take"]);
  });

  test("that nobody wants any more ends at once, also while something is waited for", async () => {
    const { cursor, there, clock } = await byHand();
    void there.ready();
    await clock.runFor(1_000);
    await there.return!();
    await clock.runFor(1_000);
    expect(cursor.asked).toEqual(["ready", "return"]);
    expect(await there.take()).toEqual({ done: true, value: undefined });
  });
});

test("messages come in order whatever the threads are doing", async () => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const seen: number[] = [];
    const { remote, clock } = handedOver(
      ({ body }) => {
        seen.push(Number(Buffer.from(body).toString()));
        return nothing();
      },
      { seed },
    );
    const all = Array.from({ length: 50 }, (_, index) => remote(request(String(index))));
    await clock.finish(Promise.all(all));
    expect(seen).toEqual(Array.from({ length: 50 }, (_, index) => index));
  }
});
