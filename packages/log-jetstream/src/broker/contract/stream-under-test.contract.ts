/** What the parts of the contract of brokers have in common. */
import { expect } from "vitest";
import type { Broker, PublishOutcome, ReadRequest, StoredMessage, StreamSettings } from "../broker.ts";

export interface BrokerUnderTest {
  readonly broker: Broker;
  /** Of another client of the same cluster. */
  readonly other: Broker;
  /** Waits for what the cluster answers; in a simulation, time goes on while it does. */
  finish<Result>(promise: Promise<Result>): Promise<Result>;
  /** A word that no other test uses, for names of streams and first tokens of subjects. */
  readonly word: string;
}

export type Open = () => Promise<BrokerUnderTest>;

/** Limits that no test reaches. */
export const MANY = { maxBytes: 1e8, maxMessages: 1_000 };

interface StreamUnderTest extends BrokerUnderTest {
  readonly stream: string;
  readonly settings: StreamSettings;
  readonly subject: (key: string) => string;
}

export async function withStream(open: Open, more: Partial<StreamSettings> = {}): Promise<StreamUnderTest> {
  const opened = await open();
  const { word } = opened;
  const settings = { name: `${word}-s`, subjects: [`${word}.s.>`], replicas: 3, ...more };
  await created(opened, settings);
  const subject = (key: string): string => `${word}.s.${key}`;
  await leaderAnswers(opened, settings.name, subject("nothing"));
  return { ...opened, stream: settings.name, settings, subject };
}

/** A cluster that has just elected its leaders can be late to answer: creating the same stream again is the remedy. */
async function created({ broker, finish }: Client, settings: StreamSettings): Promise<void> {
  for (;;) {
    const outcome = await finish(broker.createStream(settings));
    if (outcome.kind !== "unknown") return expect(outcome).toEqual({ kind: "done" });
  }
}

/** Until a leader decides about messages: one with a condition that cannot hold leaves no trace. */
async function leaderAnswers({ broker, finish }: Client, stream: string, subject: string): Promise<void> {
  for (;;) {
    const outcome = await finish(broker.publish(stream, subject, Buffer.alloc(0), { lastSequence: 999 }));
    if (outcome.kind === "wrong-sequence") return;
    if (outcome.kind !== "unknown") expect(outcome).toMatchObject({ kind: "refused", cause: "unreachable" });
  }
}

export function stored(sequence: number): PublishOutcome {
  return { kind: "stored", sequence };
}

type Client = Pick<BrokerUnderTest, "broker" | "finish">;

/** One message, which has to be stored. */
export async function publishStored(
  client: Client,
  stream: string,
  subject: string,
  payload: Uint8Array,
): Promise<void> {
  expect(await client.finish(client.broker.publish(stream, subject, payload))).toMatchObject({
    kind: "stored",
  });
}

export async function publishAll(
  { broker, finish }: Client,
  stream: string,
  subject: string,
  count: number,
  sizeBytes = 1,
): Promise<void> {
  const outcomes = await finish(
    Promise.all(
      Array.from({ length: count }, () => broker.publish(stream, subject, Buffer.alloc(sizeBytes))),
    ),
  );
  expect(outcomes.filter(({ kind }) => kind !== "stored")).toEqual([]);
}

export async function lastSequence({ broker, finish }: Client, stream: string): Promise<number> {
  const described = await finish(broker.describeStream(stream));
  expect(described.kind).toBe("stream");
  return described.kind === "stream" ? described.stream.lastSequence : -1;
}

/** The first `count` messages, read on until whichever replicas answer have them. */
export async function readUntil(
  { broker, finish }: Client,
  stream: string,
  count: number,
): Promise<readonly StoredMessage[]> {
  const messages: StoredMessage[] = [];
  while (messages.length < count) {
    const outcome = await finish(
      broker.read(stream, { ...MANY, fromSequence: (messages.at(-1)?.sequence ?? 0) + 1 }),
    );
    expect(outcome.kind).toBe("messages");
    if (outcome.kind === "messages") messages.push(...outcome.messages);
  }
  return messages;
}

export async function everyReplicaHas(
  { broker, finish }: Client,
  stream: string,
  sequence: number,
): Promise<void> {
  for (;;) {
    const described = await finish(broker.describeStream(stream));
    if (described.kind !== "stream") continue;
    const { lastSequence: last, followers } = described.stream;
    if (
      last === sequence &&
      followers.every(({ isCurrent, lagOperations }) => isCurrent && lagOperations === 0)
    )
      return;
  }
}

export async function readSequences(
  broker: Broker,
  finish: BrokerUnderTest["finish"],
  stream: string,
  request: ReadRequest,
): Promise<number[]> {
  const outcome = await finish(broker.read(stream, request));
  expect(outcome.kind).toBe("messages");
  return outcome.kind === "messages" ? outcome.messages.map(({ sequence }) => sequence) : [];
}

export async function eventuallyReads(
  broker: Broker,
  finish: BrokerUnderTest["finish"],
  stream: string,
  sequences: readonly number[],
): Promise<void> {
  for (;;) {
    const found = await readSequences(broker, finish, stream, { ...MANY, fromSequence: 1 });
    if (found.join() === sequences.join()) return;
  }
}
