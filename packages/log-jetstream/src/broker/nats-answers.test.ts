import type { Msg } from "@nats-io/transport-node";
import { expect, test } from "vitest";
import { publishOutcome, streamChangeOutcome } from "./nats-answers.ts";

function answer(value: unknown): Msg {
  return { data: Buffer.from(JSON.stringify(value)) } as unknown as Msg;
}

function refusal(code: number, description: string): ReturnType<typeof publishOutcome> {
  return publishOutcome(answer({ stream: "s", error: { code: 400, err_code: code, description } }), "s");
}

test("an acknowledgement is stored, but not one of another stream", () => {
  expect(publishOutcome(answer({ stream: "s", seq: 7 }), "s")).toEqual({ kind: "stored", sequence: 7 });
  expect(publishOutcome(answer({ stream: "t", seq: 7 }), "s")).toMatchObject({ kind: "unknown" });
});

test("a wrong sequence says which was the last one, when the server does", () => {
  expect(refusal(10_071, "wrong last sequence: 41")).toEqual({ kind: "wrong-sequence", lastSequence: 41 });
  expect(refusal(10_164, "wrong last sequence")).toEqual({ kind: "wrong-sequence" });
});

test("limits are refusals, and a store that fails after the commit is not", () => {
  expect(refusal(10_077, "maximum bytes exceeded")).toMatchObject({ kind: "refused", cause: "full" });
  expect(refusal(10_023, "insufficient resources")).toMatchObject({ kind: "refused", cause: "full" });
  expect(refusal(10_054, "message size exceeds maximum allowed")).toMatchObject({
    kind: "refused",
    cause: "too-large",
  });
  expect(refusal(10_077, "write a/b/1.blk: input/output error")).toMatchObject({ kind: "unknown" });
});

test("a message that the leader gave up while applying it may have been stored", () => {
  expect(refusal(10_063, "expected stream sequence does not match")).toMatchObject({ kind: "unknown" });
});

test("an error that nobody has heard of yet is unknown, never a refusal", () => {
  expect(refusal(10_999, "something new")).toEqual({ kind: "unknown", reason: "something new (10999)" });
});

test("a batch of which a part is missing is refused", () => {
  expect(refusal(10_176, "atomic publish batch is incomplete")).toMatchObject({
    kind: "refused",
    cause: "other",
  });
});

test("too few zones refuse a stream, a server that is away does not", () => {
  const change = (description: string): unknown =>
    streamChangeOutcome({ error: { code: 400, err_code: 10_005, description } });
  expect(change("no suitable peers for placement, server tag not matched")).toMatchObject({
    kind: "refused",
  });
  expect(change("no suitable peers for placement, peer offline")).toMatchObject({ kind: "unknown" });
});
