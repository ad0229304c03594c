import { describe, expect, test } from "vitest";
import type { Open } from "./stream-under-test.contract.ts";
import {
  MANY,
  everyReplicaHas,
  eventuallyReads,
  lastSequence,
  publishAll,
  publishStored,
  readSequences,
  stored,
  withStream,
} from "./stream-under-test.contract.ts";

export function streams(open: Open): void {
  describe("streams", () => {
    test("a stream is described with its settings, its bounds, its leader and its followers", async () => {
      const { broker, finish, stream, subject, settings } = await withStream(open, {
        maxBytes: 1_000_000,
        announced: true,
      });
      await publishAll({ broker, finish }, stream, subject("a"), 3);
      const described = await finish(broker.describeStream(stream));
      expect(described).toMatchObject({
        kind: "stream",
        stream: { settings, firstSequence: 1, lastSequence: 3, messageCount: 3 },
      });
      if (described.kind !== "stream") return;
      const { leader, followers, storedBytes, created } = described.stream;
      expect(new Set([leader, ...followers.map(({ server }) => server)]).size).toBe(3);
      expect(leader).not.toBe("");
      expect(storedBytes).toBeGreaterThan(0);
      expect(Date.parse(created)).toBeGreaterThan(0);
    });

    test("creating a stream again with the same settings does nothing, with others it is refused", async () => {
      const { broker, finish, stream, subject, settings } = await withStream(open);
      await publishStored({ broker, finish }, stream, subject("a"), Buffer.from("x"));
      expect(await finish(broker.createStream(settings))).toEqual({ kind: "done" });
      expect(await lastSequence({ broker, finish }, stream)).toBe(1);
      expect(await finish(broker.createStream({ ...settings, maxBytes: 5_000_000 }))).toEqual({
        kind: "exists",
      });
    });

    test("settings are changed in place", async () => {
      const { broker, finish, stream, subject, settings } = await withStream(open, { maxBytes: 10_000 });
      await publishStored({ broker, finish }, stream, subject("a"), Buffer.alloc(9_000));
      expect(await finish(broker.updateStream({ ...settings, maxBytes: 50_000 }))).toEqual({ kind: "done" });
      const outcome = await finish(broker.publish(stream, subject("a"), Buffer.alloc(9_000)));
      expect(outcome).toEqual(stored(2));
      expect(await finish(broker.updateStream({ ...settings, name: `${stream}-none` }))).toEqual({
        kind: "no-stream",
      });
    });

    test("a stream keeps only the newest messages of each subject when it is told so", async () => {
      const { broker, finish, stream, subject } = await withStream(open, { messagesPerSubjectMax: 1 });
      for (const key of ["a", "b", "a", "a"]) {
        await publishStored({ broker, finish }, stream, subject(key), Buffer.from(key));
      }
      await everyReplicaHas({ broker, finish }, stream, 4);
      expect(await readSequences(broker, finish, stream, { ...MANY, fromSequence: 1 })).toEqual([2, 4]);
    });

    test("streams are listed by their subjects", async () => {
      const { broker, finish, word } = await open();
      for (const name of ["b", "a"]) {
        await finish(
          broker.createStream({
            name: `${word}-${name}`,
            subjects: [`${word}.list.${name}.>`],
            replicas: 3,
          }),
        );
      }
      expect(await finish(broker.listStreams(`${word}.list.>`))).toEqual({
        kind: "streams",
        names: [`${word}-a`, `${word}-b`],
      });
      expect(await finish(broker.listStreams(`${word}.list.a.>`))).toEqual({
        kind: "streams",
        names: [`${word}-a`],
      });
      expect(await finish(broker.listStreams(`${word}.other.>`))).toEqual({ kind: "streams", names: [] });
    });

    test("a stream that was deleted is gone, and another of its name begins anew", async () => {
      const { broker, finish, stream, subject, settings } = await withStream(open);
      await publishAll({ broker, finish }, stream, subject("a"), 3);
      expect(await finish(broker.deleteStream(stream))).toEqual({ kind: "done" });
      expect(await finish(broker.describeStream(stream))).toEqual({ kind: "no-stream" });
      expect(await finish(broker.deleteStream(stream))).toEqual({ kind: "no-stream" });
      expect(await finish(broker.purge(stream, { belowSequence: 2 }))).toEqual({ kind: "no-stream" });
      expect(await finish(broker.createStream(settings))).toEqual({ kind: "done" });
      expect(await finish(broker.publish(stream, subject("a"), Buffer.from("x")))).toEqual(stored(1));
    });

    test("a stream is refused when its subjects belong to another, or its replicas find no servers", async () => {
      const { broker, finish, word, subject } = await withStream(open);
      const rival = { name: `${word}-rival`, subjects: [subject("a.>")], replicas: 3 };
      expect(await finish(broker.createStream(rival))).toMatchObject({ kind: "refused" });
      const wide = { name: `${word}-wide`, subjects: [`${word}.wide`], replicas: 5 };
      expect(await finish(broker.createStream(wide))).toMatchObject({ kind: "refused" });
      const placed = { ...rival, subjects: [`${word}.placed`], placementTags: ["az:nowhere"] };
      expect(await finish(broker.createStream(placed))).toMatchObject({ kind: "refused" });
    });
  });
}

export function purging(open: Open): void {
  describe("purging", () => {
    test("what is below a sequence is forgotten, and no sequence is used again", async () => {
      const { broker, finish, stream, subject } = await withStream(open);
      await publishAll({ broker, finish }, stream, subject("a"), 5);
      expect(await finish(broker.purge(stream, { belowSequence: 4 }))).toEqual({
        kind: "purged",
        messageCount: 3,
      });
      expect(await finish(broker.describeStream(stream))).toMatchObject({
        stream: { firstSequence: 4, lastSequence: 5, messageCount: 2 },
      });
      expect(await finish(broker.purge(stream, { belowSequence: 6 }))).toMatchObject({ messageCount: 2 });
      expect(await finish(broker.describeStream(stream))).toMatchObject({
        stream: { firstSequence: 6, lastSequence: 5, messageCount: 0 },
      });
      const next = broker.publish(stream, subject("a"), Buffer.from("x"), { lastSequence: 5 });
      expect(await finish(next)).toEqual(stored(6));
    });

    test("a subject can be purged alone, and reads step over the holes", async () => {
      const { broker, finish, stream, subject } = await withStream(open);
      for (const key of ["a", "b", "a", "b", "a", "b"]) {
        await publishStored({ broker, finish }, stream, subject(key), Buffer.from(key));
      }
      expect(await finish(broker.purge(stream, { subject: subject("a"), belowSequence: 5 }))).toEqual({
        kind: "purged",
        messageCount: 2,
      });
      await eventuallyReads(broker, finish, stream, [2, 4, 5, 6]);
      await finish(broker.purge(stream, { subject: subject("b") }));
      await eventuallyReads(broker, finish, stream, [5]);
    });
  });
}
