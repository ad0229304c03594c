import { beforeEach, expect, test } from "vitest";
import { ArrivingBody } from "./arriving-body.ts";
import type { BodySink } from "./request-body.ts";

let events: string[];
const connection = {
  pauseReading: () => void events.push("pause"),
  readOn: () => void events.push("read on"),
  setRoom: (hasRoom: boolean) => void events.push(hasRoom ? "large pieces" : "small pieces"),
};
const sink: BodySink = {
  bytes: (bytes) => void events.push(bytes.toString()),
  end: () => void events.push("end"),
  gone: () => void events.push("gone"),
};
beforeEach(() => {
  events = [];
});

test("gives what came with the head, then what comes, and tells the end", () => {
  const body = new ArrivingBody(connection, 8, Buffer.from("one"));
  body.start(sink);
  expect(body.missingBytes).toBe(5);
  expect(body.take(Buffer.from("two"))).toBeUndefined();
  expect(body.take(Buffer.from("and more"))?.toString()).toBe("d more");
  expect(body.take(Buffer.from("next"))?.toString()).toBe("next");
  expect(events).toEqual(["one", "read on", "two", "small pieces", "an", "end"]);
});

test("one that is whole from the start reads nothing", () => {
  const body = new ArrivingBody(connection, 3, Buffer.from("one"));
  body.start(sink);
  expect(events).toEqual(["one", "end"]);
});

test("what came before anybody wants it is kept, and the connection waits", () => {
  const arrived = Buffer.from("one");
  const body = new ArrivingBody(connection, 8, arrived);
  body.keepArrived();
  arrived.fill("x");
  expect(events).toEqual(["pause"]);
  // A transport may have had more at hand.
  body.take(Buffer.from("two"));
  expect(events).toEqual(["pause", "pause"]);
  body.start(sink);
  expect(events).toEqual(["pause", "pause", "onetwo", "read on"]);
});

test("stays paused when it is paused at its first bytes, until it is resumed", () => {
  const body = new ArrivingBody(connection, 8, Buffer.from("one"));
  body.start({ ...sink, bytes: () => body.pause() });
  expect(events).toEqual(["pause"]);
  body.resume();
  expect(events).toEqual(["pause", "read on"]);
});

test("tells nothing more when it was stopped, and still knows where the body ends", () => {
  const body = new ArrivingBody(connection, 8, Buffer.from("one"));
  body.start({ ...sink, bytes: () => body.stop() });
  expect(body.take(Buffer.from("and more"))?.toString()).toBe("ore");
  body.leave();
  expect(events).toEqual(["read on", "small pieces"]);
  expect(body.isGone).toBe(true);
});

test("is read in large pieces from when there is room for all of it until it is whole", () => {
  const body = new ArrivingBody(connection, 8, Buffer.from("one"));
  body.start({ ...sink, bytes: () => body.hasRoom() });
  body.take(Buffer.from("two"));
  body.take(Buffer.from("an"));
  expect(events).toEqual(["large pieces", "read on", "large pieces", "small pieces", "small pieces", "end"]);
});
