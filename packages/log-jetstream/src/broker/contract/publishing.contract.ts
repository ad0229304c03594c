import { describe, expect, test } from "vitest";
import type { PublishOutcome } from "../broker.ts";
import type { Open } from "./stream-under-test.contract.ts";
import { lastSequence, publishStored, readUntil, stored, withStream } from "./stream-under-test.contract.ts";

export function publishing(open: Open): void {
  describe("publishing", () => {
    test("messages get sequences from 1 on, and are read as they were published", async () => {
      const { broker, finish, stream, subject } = await withStream(open);
      const payloads = [Buffer.from("one"), Buffer.alloc(0), Buffer.alloc(300_000, 7)];
      const outcomes = await finish(
        Promise.all(payloads.map((payload) => broker.publish(stream, subject("a"), payload))),
      );
      expect(outcomes).toEqual([stored(1), stored(2), stored(3)]);
      const messages = await readUntil({ broker, finish }, stream, 3);
      expect(messages.map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
      expect(messages.map(({ subject: of }) => of)).toEqual([subject("a"), subject("a"), subject("a")]);
      for (const [at, { payload }] of messages.entries()) expect(payloads[at]!.equals(payload)).toBe(true);
    });

    test("times are those of a clock, in milliseconds", async () => {
      const { broker, finish, stream, subject } = await withStream(open);
      await publishStored({ broker, finish }, stream, subject("a"), Buffer.from("one"));
      const [message] = await readUntil({ broker, finish }, stream, 1);
      expect(message!.timeMs).toBeGreaterThan(Date.UTC(2026, 0, 1) - 1);
      expect(message!.timeMs).toBeLessThan(Date.UTC(2126, 0, 1));
    });

    test("a message for a stream that does not exist is refused", async () => {
      const { broker, finish, word } = await open();
      const outcome = await finish(broker.publish(`${word}-none`, `${word}.none`, Buffer.from("x")));
      expect(outcome).toMatchObject({ kind: "refused", cause: "unreachable" });
    });

    test("a message whose subject belongs to another stream is refused", async () => {
      const { broker, finish, subject } = await withStream(open);
      const outcome = await finish(broker.publish("another", subject("a"), Buffer.from("x")));
      expect(outcome).toMatchObject({ kind: "refused", cause: "other" });
    });

    test("a message above the payload that servers take is refused", async () => {
      const { broker, finish, stream, subject } = await withStream(open);
      const outcome = await finish(broker.publish(stream, subject("a"), Buffer.alloc(2 * 1024 * 1024 + 1)));
      expect(outcome).toMatchObject({ kind: "refused", cause: "too-large" });
    });

    test("a stream at its byte limit refuses and keeps what it has", async () => {
      const { broker, finish, stream, subject } = await withStream(open, { maxBytes: 10_000 });
      const first = await finish(broker.publish(stream, subject("a"), Buffer.alloc(9_000)));
      expect(first).toEqual(stored(1));
      const second = await finish(broker.publish(stream, subject("a"), Buffer.alloc(9_000)));
      expect(second).toMatchObject({ kind: "refused", cause: "full" });
      expect(await readUntil({ broker, finish }, stream, 1)).toHaveLength(1);
      expect(await lastSequence({ broker, finish }, stream)).toBe(1);
    });
  });
}

export function expectations(open: Open): void {
  describe("expectations", () => {
    test("a publish with the right last sequence is stored, one with a wrong one is not", async () => {
      const { broker, finish, stream, subject } = await withStream(open);
      const publish = (last: number): Promise<PublishOutcome> =>
        finish(broker.publish(stream, subject("a"), Buffer.from("x"), { lastSequence: last }));
      expect(await publish(0)).toEqual(stored(1));
      expect(await publish(0)).toEqual({ kind: "wrong-sequence", lastSequence: 1 });
      expect(await publish(7)).toEqual({ kind: "wrong-sequence", lastSequence: 1 });
      expect(await publish(1)).toEqual(stored(2));
      expect(await lastSequence({ broker, finish }, stream)).toBe(2);
    });

    test("expectations count what is under way, so that publishes can follow each other closely", async () => {
      const { broker, finish, stream, subject } = await withStream(open);
      const outcomes = await finish(
        Promise.all(
          Array.from({ length: 20 }, (_, at) =>
            broker.publish(stream, subject(`s${at % 3}`), Buffer.from([at]), { lastSequence: at }),
          ),
        ),
      );
      expect(outcomes).toEqual(outcomes.map((_, at) => stored(at + 1)));
      const messages = await readUntil({ broker, finish }, stream, 20);
      expect(messages.map(({ payload }) => payload[0])).toEqual(messages.map((_, at) => at));
    });

    test("a publish can be stored although the one before it from the same client was refused", async () => {
      const { broker, other, finish, stream, subject } = await withStream(open);
      const mine = (last: number): Promise<PublishOutcome> =>
        broker.publish(stream, subject("a"), Buffer.from("mine"), { lastSequence: last });
      const rival = await finish(other.publish(stream, subject("control"), Buffer.from("rival")));
      expect(rival).toEqual(stored(1));
      // Both were sent before either was answered: the hole that rule A2 is for.
      const outcomes = await finish(Promise.all([mine(0), mine(1)]));
      expect(outcomes).toEqual([{ kind: "wrong-sequence", lastSequence: 1 }, stored(2)]);
    });

    test("of rivals with one expectation exactly one is stored", async () => {
      const { broker, other, finish, stream, subject } = await withStream(open);
      for (let round = 0; round < 10; round += 1) {
        const outcomes = await finish(
          Promise.all(
            [broker, other, broker, other].map((client) =>
              client.publish(stream, subject("a"), Buffer.from("x"), { lastSequence: round }),
            ),
          ),
        );
        expect(outcomes.filter(({ kind }) => kind === "stored")).toEqual([stored(round + 1)]);
        expect(outcomes.filter(({ kind }) => kind === "wrong-sequence")).toHaveLength(3);
      }
    });

    test("a subject's own last sequence is an expectation, too", async () => {
      const { broker, finish, stream, subject } = await withStream(open);
      const publish = (key: string, last: number): Promise<PublishOutcome> =>
        finish(broker.publish(stream, subject(key), Buffer.from("x"), { lastSubjectSequence: last }));
      expect(await publish("a", 0)).toEqual(stored(1));
      expect(await publish("b", 0)).toEqual(stored(2));
      expect(await publish("b", 1)).toMatchObject({ kind: "wrong-sequence" });
      expect(await publish("a", 1)).toEqual(stored(3));
      expect(await publish("a", 1)).toMatchObject({ kind: "wrong-sequence" });
      expect(await lastSequence({ broker, finish }, stream)).toBe(3);
    });
  });
}
