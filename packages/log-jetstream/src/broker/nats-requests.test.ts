import type { SimulatedClock } from "@millrace/runtime";
import { simulatedClock } from "@millrace/runtime";
import type { Msg, NatsConnection, Status } from "@nats-io/transport-node";
import { headers } from "@nats-io/transport-node";
import { expect, test } from "vitest";
import type { Ending } from "./nats-requests.ts";
import { Requests } from "./nats-requests.ts";

interface Sent {
  readonly subject: string;
  readonly reply: string | undefined;
}

/** A connection that the test is the other end of. */
class FakeConnection {
  readonly sent: Sent[] = [];
  readonly info = { max_payload: 100 };
  #receive: ((error: null, message: Msg) => void) | undefined;
  readonly #statuses: Status[] = [];
  #wake: (() => void) | undefined;

  subscribe(_subject: string, { callback }: { callback: (error: null, message: Msg) => void }): void {
    this.#receive = callback;
  }

  publish(subject: string, _payload: Uint8Array, { reply }: { reply?: string } = {}): void {
    this.sent.push({ subject, reply });
  }

  isClosed(): boolean {
    return false;
  }

  async *status(): AsyncGenerator<Status> {
    for (;;) {
      while (this.#statuses.length > 0) yield this.#statuses.shift() as Status;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  changes(status: Status): void {
    this.#statuses.push(status);
    this.#wake?.();
  }

  answers(to: Sent, text: string, code?: number): void {
    const fields = code === undefined ? undefined : headers(code, "status");
    this.#receive?.(null, { subject: to.reply, data: Buffer.from(text), headers: fields } as unknown as Msg);
  }
}

function world(): { clock: SimulatedClock; connection: FakeConnection; requests: Requests } {
  const clock = simulatedClock();
  const connection = new FakeConnection();
  return { clock, connection, requests: new Requests(connection as unknown as NatsConnection, clock) };
}

const ONE = { subject: "a", payload: Buffer.from("x") };

test("an answer may have many messages, and ends when the collector says so", async () => {
  const { clock, connection, requests } = world();
  const texts: string[] = [];
  const asked = requests.ask([ONE], 1_000, ({ data }) => {
    texts.push(Buffer.from(data).toString());
    return texts.length === 2;
  });
  for (const text of ["one", "two", "three"]) connection.answers(connection.sent[0]!, text);
  expect(await clock.finish(asked)).toEqual({ kind: "complete" });
  expect(texts).toEqual(["one", "two"]);
});

test("answers find their requests", async () => {
  const { clock, connection, requests } = world();
  const got: string[] = [];
  const ask = (name: string): Promise<Ending> =>
    requests.ask([ONE], 1_000, ({ data }) => {
      got.push(`${name} ${Buffer.from(data).toString()}`);
      return true;
    });
  const both = Promise.all([ask("first"), ask("second")]);
  connection.answers(connection.sent[1]!, "b");
  connection.answers(connection.sent[0]!, "a");
  await clock.finish(both);
  expect(got).toEqual(["second b", "first a"]);
});

test("a request that nobody serves was surely not done, one without an answer may have been", async () => {
  const { clock, connection, requests } = world();
  const refused = requests.ask([ONE], 1_000, () => true);
  connection.answers(connection.sent[0]!, "", 503);
  expect(await clock.finish(refused)).toMatchObject({ kind: "nobody" });
  const late = requests.ask([ONE], 1_000, () => true);
  expect(await clock.finish(late)).toEqual({ kind: "unknown", reason: "no answer within 1000 ms" });
});

test("an answer that comes after the time-out is nobody's", async () => {
  const { clock, connection, requests } = world();
  let collectedCount = 0;
  await clock.finish(requests.ask([ONE], 10, () => (collectedCount += 1) > 0));
  connection.answers(connection.sent[0]!, "late");
  expect(collectedCount).toBe(0);
});

test("a lost connection ends what waits at once, and nothing is sent until there is one again", async () => {
  const { clock, connection, requests } = world();
  const waiting = requests.ask([ONE], 60_000, () => true);
  const startedMs = clock.monotonicMs();
  connection.changes({ type: "disconnect", server: "s" });
  expect(await clock.finish(waiting)).toMatchObject({ kind: "unknown" });
  expect(clock.monotonicMs()).toBe(startedMs);
  expect(await clock.finish(requests.ask([ONE], 60_000, () => true))).toMatchObject({ kind: "nobody" });
  expect(connection.sent).toHaveLength(1);
  connection.changes({ type: "reconnect", server: "s" });
  await clock.runFor(1);
  void requests.ask([ONE], 60_000, () => true);
  expect(connection.sent).toHaveLength(2);
});

test("what is too large is not sent", async () => {
  const { clock, connection, requests } = world();
  const fields = headers();
  fields.set("Name", "x".repeat(60));
  const large = { subject: "a", payload: Buffer.alloc(50) };
  expect(await clock.finish(requests.ask([{ ...large, headers: fields }], 1_000, () => true))).toMatchObject({
    kind: "too-large",
  });
  expect(connection.sent).toEqual([]);
});

test("an answer that cannot be read harms nobody else", async () => {
  const { clock, connection, requests } = world();
  const broken = requests.ask([ONE], 1_000, ({ data }) => JSON.parse(Buffer.from(data).toString()) === true);
  const whole = requests.ask([ONE], 1_000, ({ data }) => JSON.parse(Buffer.from(data).toString()) === true);
  connection.answers(connection.sent[0]!, "{");
  connection.answers(connection.sent[1]!, "true");
  expect(await clock.finish(broken)).toMatchObject({ kind: "unknown" });
  expect(await clock.finish(whole)).toEqual({ kind: "complete" });
});
