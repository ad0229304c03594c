import { describe, expect, test } from "vitest";
import type { Open } from "./stream-under-test.contract.ts";
import { MANY, lastSequence, stored, withStream } from "./stream-under-test.contract.ts";

export function messaging(open: Open): void {
  describe("messages between clients", () => {
    test("what is stored is announced with its stream, subject and sequence", async () => {
      const { broker, other, finish, stream, subject } = await withStream(open, { announced: true });
      const heard: { stream: string; subject: string; sequence: number }[] = [];
      const subscription = other.onStored(subject(">"), (announcement) => heard.push(announcement));
      let sequence = 0;
      // A subscription takes its time to reach the servers, so it is the newest announcement that counts.
      while (heard.length === 0) {
        const outcome = await finish(broker.publish(stream, subject("a"), Buffer.from("x")));
        sequence += 1;
        expect(outcome).toEqual(stored(sequence));
        await finish(other.describeStream(stream));
      }
      expect(heard[0]).toMatchObject({ stream, subject: subject("a") });
      expect(heard[0]!.sequence).toBeGreaterThan(0);
      expect(heard[0]!.sequence).toBeLessThanOrEqual(sequence);
      subscription.stop();
    });

    test("a request is answered by who serves the subject, and by nobody when nobody does", async () => {
      const { broker, other, finish, word } = await open();
      expect(await finish(broker.request(`${word}.echo`, Buffer.from("x"), 5_000))).toEqual({
        kind: "nobody",
      });
      const subscription = other.respond(`${word}.echo`, (payload) =>
        Promise.resolve(Buffer.concat([payload, payload])),
      );
      let outcome = await finish(broker.request(`${word}.echo`, Buffer.from("ab"), 5_000));
      while (outcome.kind === "nobody") {
        outcome = await finish(broker.request(`${word}.echo`, Buffer.from("ab"), 5_000));
      }
      expect(outcome.kind).toBe("answered");
      if (outcome.kind === "answered") expect(Buffer.from(outcome.payload).toString()).toBe("abab");
      subscription.stop();
    });

    test("a handler that fails leaves the asker without an answer", async () => {
      const { broker, finish, word } = await open();
      let askedCount = 0;
      broker.respond(`${word}.broken`, () => {
        askedCount += 1;
        return Promise.reject(new Error("broken"));
      });
      const outcome = await finish(broker.request(`${word}.broken`, Buffer.from("x"), 50));
      expect(outcome).toMatchObject({ kind: "unknown" });
      expect(askedCount).toBe(1);
    });

    test("what is sent reaches those who listen, until they stop", async () => {
      const { broker, finish, word } = await open();
      const heard: string[] = [];
      const subscription = broker.subscribe(`${word}.said.*`, ({ subject, payload }) =>
        heard.push(`${subject} ${Buffer.from(payload).toString()}`),
      );
      broker.send(`${word}.said.a`, Buffer.from("one"));
      // A connection keeps its order: once the answer is there the message before it is, too.
      await finish(broker.request(`${word}.nobody`, Buffer.alloc(0), 5_000));
      expect(heard).toEqual([`${word}.said.a one`]);
      subscription.stop();
      broker.send(`${word}.said.a`, Buffer.from("two"));
      await finish(broker.request(`${word}.nobody`, Buffer.alloc(0), 5_000));
      expect(heard).toHaveLength(1);
    });

    test("who listens to a stream's own subjects hears what is refused, too", async () => {
      const { broker, finish, stream, subject } = await withStream(open);
      let heardCount = 0;
      const subscription = broker.subscribe(subject(">"), () => (heardCount += 1));
      const outcome = await finish(
        broker.publish(stream, subject("a"), Buffer.from("x"), { lastSequence: 7 }),
      );
      expect(outcome).toMatchObject({ kind: "wrong-sequence" });
      expect(heardCount).toBe(1);
      subscription.stop();
    });

    test("what is above the payload that servers take is neither sent, asked nor answered", async () => {
      const { broker, finish, word } = await open();
      const large = Buffer.alloc(2 * 1024 * 1024 + 1);
      expect(() => broker.send(`${word}.large`, large)).toThrow("is above max_payload, which is 2097152");
      expect(await finish(broker.request(`${word}.large`, large, 1_000))).toMatchObject({
        kind: "too-large",
      });
      broker.respond(`${word}.large`, () => Promise.resolve(large));
      expect(await finish(broker.request(`${word}.large`, Buffer.from("x"), 50))).toMatchObject({
        kind: "unknown",
      });
    });

    test("every server says who it is", async () => {
      const { broker, finish } = await open();
      const outcome = await finish(broker.describeServers());
      expect(outcome).toMatchObject({ kind: "servers", expectedCount: 3 });
      if (outcome.kind !== "servers") return;
      expect(outcome.servers).toHaveLength(3);
      for (const { version, tags, maxPayloadBytes, jetStream } of outcome.servers) {
        expect(version).toMatch(/^\d+\.\d+\.\d+/);
        expect(tags.filter((tag) => tag.startsWith("az:"))).toHaveLength(1);
        expect(maxPayloadBytes).toBe(2 * 1024 * 1024);
        expect(jetStream).toMatchObject({ syncsAlways: true, uniqueTag: "az:" });
      }
    });
  });
}

export function closing(open: Open): void {
  test("a closed broker does nothing and says so", async () => {
    const { broker, other, finish, stream, subject } = await withStream(open);
    await finish(broker.close());
    expect(await finish(broker.publish(stream, subject("a"), Buffer.from("x")))).toMatchObject({
      kind: "refused",
      cause: "unreachable",
    });
    expect(await finish(broker.read(stream, { ...MANY, fromSequence: 1 }))).toMatchObject({
      kind: "unavailable",
    });
    expect(await finish(broker.describeStream(stream))).toMatchObject({ kind: "unavailable" });
    expect(await lastSequence({ broker: other, finish }, stream)).toBe(0);
  });
}
