import { describe, expect, test } from "vitest";
import type { ReadRequest } from "../broker.ts";
import type { Open } from "./stream-under-test.contract.ts";
import {
  MANY,
  everyReplicaHas,
  publishAll,
  publishStored,
  readSequences,
  withStream,
} from "./stream-under-test.contract.ts";

export function reading(open: Open): void {
  describe("reading", () => {
    test("a read begins at its sequence and stops at its limits, but always moves on", async () => {
      const { broker, finish, stream, subject } = await withStream(open);
      await publishAll({ broker, finish }, stream, subject("a"), 10, 1_000);
      await everyReplicaHas({ broker, finish }, stream, 10);
      const read = (request: ReadRequest): Promise<number[]> =>
        readSequences(broker, finish, stream, request);
      expect(await read({ ...MANY, fromSequence: 4 })).toEqual([4, 5, 6, 7, 8, 9, 10]);
      expect(await read({ ...MANY, fromSequence: 3, maxMessages: 2 })).toEqual([3, 4]);
      expect(await read({ ...MANY, fromSequence: 3, maxMessages: 1 })).toEqual([3]);
      expect(await read({ ...MANY, fromSequence: 1, maxBytes: 1 })).toEqual([1]);
      expect(await read({ ...MANY, fromSequence: 1, maxBytes: 2_500 })).toEqual([1, 2, 3]);
    });

    test("the end is said with the last message, and alone past it", async () => {
      const { broker, finish, stream, subject } = await withStream(open);
      expect(await finish(broker.read(stream, { ...MANY, fromSequence: 1 }))).toEqual({
        kind: "messages",
        messages: [],
        ended: true,
      });
      await publishAll({ broker, finish }, stream, subject("a"), 5);
      await everyReplicaHas({ broker, finish }, stream, 5);
      expect(await finish(broker.read(stream, { ...MANY, fromSequence: 1 }))).toMatchObject({ ended: true });
      expect(await finish(broker.read(stream, { ...MANY, fromSequence: 1, maxMessages: 4 }))).toMatchObject({
        ended: false,
      });
      expect(await finish(broker.read(stream, { ...MANY, fromSequence: 6 }))).toEqual({
        kind: "messages",
        messages: [],
        ended: true,
      });
      expect(await finish(broker.read(stream, { ...MANY, fromSequence: 1_000 }))).toMatchObject({
        messages: [],
        ended: true,
      });
    });

    test("a read of a subject leaves out the others, with wildcards too", async () => {
      const { broker, finish, stream, subject } = await withStream(open);
      for (const key of ["a.1", "b.1", "a.2", "b.2", "a.1"]) {
        await publishStored({ broker, finish }, stream, subject(key), Buffer.from(key));
      }
      await everyReplicaHas({ broker, finish }, stream, 5);
      const read = (of: string, fromSequence = 1): Promise<number[]> =>
        readSequences(broker, finish, stream, { ...MANY, fromSequence, subject: of });
      expect(await read(subject("a.1"))).toEqual([1, 5]);
      expect(await read(subject("a.1"), 2)).toEqual([5]);
      expect(await read(subject("a.*"))).toEqual([1, 3, 5]);
      expect(await read(subject("b.>"))).toEqual([2, 4]);
      expect(await read(subject("c"))).toEqual([]);
    });

    test("the newest messages of subjects come in one answer", async () => {
      const { broker, finish, stream, subject } = await withStream(open);
      for (const key of ["a.1", "b.1", "a.2", "a.1"]) {
        await publishStored({ broker, finish }, stream, subject(key), Buffer.from(key));
      }
      await everyReplicaHas({ broker, finish }, stream, 4);
      const last = async (...subjects: string[]): Promise<number[]> => {
        const outcome = await finish(broker.lastBySubjects(stream, subjects.map(subject)));
        return outcome.kind === "messages" ? outcome.messages.map(({ sequence }) => sequence) : [-1];
      };
      expect(await last("a.*")).toEqual([3, 4]);
      expect(await last("b.1", "a.1")).toEqual([2, 4]);
      expect(await last("c")).toEqual([]);
    });

    test("the leader knows the newest message of a subject at once", async () => {
      const { broker, finish, stream, subject } = await withStream(open);
      expect(await finish(broker.lastOfSubjectFromLeader(stream, subject("a")))).toEqual({ kind: "none" });
      for (let sequence = 1; sequence <= 5; sequence += 1) {
        await publishStored({ broker, finish }, stream, subject("a"), Buffer.from([sequence]));
        const outcome = await finish(broker.lastOfSubjectFromLeader(stream, subject("a")));
        expect(outcome).toMatchObject({ kind: "message", message: { sequence, subject: subject("a") } });
        if (outcome.kind === "message") expect([...outcome.message.payload]).toEqual([sequence]);
      }
      expect(await finish(broker.lastOfSubjectFromLeader(`${stream}-none`, "x"))).toEqual({
        kind: "no-stream",
      });
    });

    test("a read of a stream that does not exist is not taken for its end", async () => {
      const { broker, finish, word } = await open();
      const outcome = await finish(broker.read(`${word}-none`, { ...MANY, fromSequence: 1 }));
      expect(outcome.kind).toBe("unavailable");
    });
  });
}
