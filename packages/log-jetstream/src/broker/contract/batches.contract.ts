import { describe, expect, test } from "vitest";
import { BATCH_MESSAGES_MAX } from "../broker.ts";
import type { Open } from "./stream-under-test.contract.ts";
import { lastSequence, publishStored, readUntil, stored, withStream } from "./stream-under-test.contract.ts";

export function batches(open: Open): void {
  describe("batches", () => {
    test("the messages of a batch stand together, and its sequence is that of the last one", async () => {
      const { broker, finish, stream, subject } = await withStream(open);
      await publishStored({ broker, finish }, stream, subject("a"), Buffer.from("before"));
      const batch = ["one", "two", "three"].map((text) => ({
        subject: subject("b"),
        payload: Buffer.from(text),
      }));
      expect(await finish(broker.publishBatch(stream, batch, { lastSequence: 1 }))).toEqual(stored(4));
      const messages = await readUntil({ broker, finish }, stream, 4);
      expect(messages.map(({ payload }) => Buffer.from(payload).toString())).toEqual([
        "before",
        "one",
        "two",
        "three",
      ]);
    });

    test("a batch with a wrong expectation leaves nothing behind", async () => {
      const { broker, finish, stream, subject } = await withStream(open);
      await publishStored({ broker, finish }, stream, subject("a"), Buffer.from("before"));
      const batch = [1, 2].map(() => ({ subject: subject("b"), payload: Buffer.from("x") }));
      expect(await finish(broker.publishBatch(stream, batch, { lastSequence: 0 }))).toEqual({
        kind: "wrong-sequence",
        lastSequence: 1,
      });
      expect(await lastSequence({ broker, finish }, stream)).toBe(1);
      expect(await finish(broker.publishBatch(stream, batch, { lastSequence: 1 }))).toEqual(stored(3));
    });

    test("a batch of one message, and of ten parts of a megabyte, are stored", async () => {
      const { broker, finish, stream, subject } = await withStream(open);
      const part = { subject: subject("a"), payload: Buffer.alloc(1024 * 1024, 1) };
      expect(await finish(broker.publishBatch(stream, [part]))).toEqual(stored(1));
      expect(
        await finish(broker.publishBatch(stream, Array.from({ length: 10 }).fill(part) as (typeof part)[])),
      ).toEqual(stored(11));
      const messages = await readUntil({ broker, finish }, stream, 11);
      expect(messages.every(({ payload }) => payload.byteLength === 1024 * 1024)).toBe(true);
    });

    test("a batch with a part that is too large is refused, and nothing of it is stored", async () => {
      const { broker, finish, stream, subject } = await withStream(open);
      const parts = [10, 2 * 1024 * 1024 + 1, 10].map((sizeBytes) => ({
        subject: subject("a"),
        payload: Buffer.alloc(sizeBytes),
      }));
      expect(await finish(broker.publishBatch(stream, parts))).toMatchObject({
        kind: "refused",
        cause: "too-large",
      });
      expect(await finish(broker.publish(stream, subject("a"), Buffer.from("x")))).toEqual(stored(1));
    });

    test("an empty batch, and one above the limit, are bugs of the caller", async () => {
      const { broker, stream, subject } = await withStream(open);
      const message = { subject: subject("a"), payload: Buffer.from("x") };
      expect(() => broker.publishBatch(stream, [])).toThrow("a batch has 1 to 1000 messages, not 0");
      const many = Array.from({ length: BATCH_MESSAGES_MAX + 1 }, () => message);
      expect(() => broker.publishBatch(stream, many)).toThrow("not 1001");
    });
  });
}
