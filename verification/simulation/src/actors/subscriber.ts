/**
 * Fan-out: subscribes to shards, hangs up or is cut off at any time, and goes on from the number up to which it
 * was told that it had everything. Several subscribers share a consumer, so that they drive each other out.
 */
import type { Random } from "@millrace/runtime";
import { ServiceError } from "@millrace/api";
import { streamArn } from "@millrace/model";
import type { Cursor } from "../checkers/events.ts";
import type { ShardModel, StreamModel } from "../ledger.ts";
import { shardMayBeGone, shardOf } from "../ledger.ts";
import type { FanOutEvent } from "../world/client.ts";
import { Client } from "../world/client.ts";
import type { Moment } from "../world/world.ts";
import { ConnectionLost } from "../world/world.ts";
import type { Cast } from "./cast.ts";
import { anyStream, expectRefusal, reportUnreadable, turn } from "./cast.ts";
import { cursorOf, readRecord, toldChild } from "./reading.ts";
import type { Start } from "./reading.ts";

type EventBody = Extract<FanOutEvent, { SubscribeToShardEvent: unknown }>["SubscribeToShardEvent"];

const ACCOUNT = "000000000000";
const REGION = "us-east-1";
const CONSUMER = "readers";
/** Somebody else is subscribed, or was a moment ago; or the consumer is not there yet. */
const TAKEN = ["ResourceInUseException", "LimitExceededException"];

export async function subscriber(cast: Cast): Promise<void> {
  const client = new Client(cast.world);
  const random = cast.world.part();
  const consumers = new Map<StreamModel, string>();
  const checkpoints = new Map<ShardModel, string>();
  while (await turn(cast, random.below(150))) {
    const stream = anyStream(cast, random);
    const shards =
      stream === undefined
        ? []
        : [...stream.shards.values()].filter(({ vanished }) => vanished === undefined);
    const shard = shards[random.below(Math.max(1, shards.length))];
    if (stream === undefined || shard === undefined) continue;
    const arn = consumers.get(stream) ?? (await register(cast, client, stream));
    if (arn === undefined) continue;
    consumers.set(stream, arn);
    await subscribe(cast, client, random, { stream, shard, arn, checkpoints });
  }
}

/** The consumer's ARN, once it can be subscribed with; undefined when not yet. */
async function register(cast: Cast, client: Client, stream: StreamModel): Promise<string | undefined> {
  const StreamARN = streamArn(REGION, ACCOUNT, stream.name);
  const outcome = await client.call("RegisterStreamConsumer", { StreamARN, ConsumerName: CONSUMER });
  if (outcome.kind === "refused") expectRefusal(cast, "RegisterStreamConsumer", outcome, stream, TAKEN);
  const described = await client.call("DescribeStreamConsumer", { StreamARN, ConsumerName: CONSUMER });
  if (described.kind === "refused") {
    expectRefusal(
      cast,
      "DescribeStreamConsumer",
      described,
      stream,
      outcome.kind === "answered" ? [] : ["ResourceNotFoundException"],
    );
  }
  if (described.kind !== "answered" || !cast.ledger.isCurrent(stream)) return undefined;
  const { ConsumerARN, ConsumerStatus } = described.output.ConsumerDescription;
  return ConsumerStatus === "ACTIVE" ? ConsumerARN : undefined;
}

interface Wish {
  readonly stream: StreamModel;
  readonly shard: ShardModel;
  readonly arn: string;
  readonly checkpoints: Map<ShardModel, string>;
}

async function subscribe(cast: Cast, client: Client, random: Random, wish: Wish): Promise<void> {
  const { shard, arn, checkpoints } = wish;
  const checkpoint = checkpoints.get(shard);
  const start: Start =
    checkpoint === undefined
      ? { type: random.below(3) === 0 ? "LATEST" : "TRIM_HORIZON" }
      : { type: "AFTER_SEQUENCE_NUMBER", sequenceNumber: checkpoint };
  const outcome = await client.subscribe({
    ConsumerARN: arn,
    ShardId: shard.shardId,
    StartingPosition:
      "sequenceNumber" in start
        ? { Type: start.type, SequenceNumber: start.sequenceNumber }
        : { Type: start.type },
  });
  if (outcome.kind === "lost") return;
  if (outcome.kind === "refused") {
    refused(cast, outcome, wish);
    return;
  }
  if (outcome.received.order > wish.stream.doomedOrder) {
    // It may be another incarnation that was subscribed to.
    outcome.hangUp();
    return;
  }
  const { world } = cast;
  const timer = world.clock.schedule(100 + random.below(1_500), outcome.hangUp);
  let cursor: Cursor = cursorOf(start, outcome.sent, outcome.received);
  const fromHorizon = start.type === "TRIM_HORIZON" ? outcome.sent : undefined;
  let asked: Moment = outcome.sent;
  try {
    for await (const event of outcome.events) {
      if (!("SubscribeToShardEvent" in event) || event.SubscribeToShardEvent === undefined) continue;
      cursor = witnessed(cast, wish, event.SubscribeToShardEvent, cursor, fromHorizon, asked);
      if (cursor.kind === "after") checkpoints.set(shard, cursor.sequenceNumber);
      asked = world.moment();
    }
  } catch (error) {
    if (error instanceof ServiceError)
      refused(
        cast,
        { code: error.code, message: error.message, sent: asked, received: world.moment() },
        wish,
      );
    else if (!(error instanceof ConnectionLost)) throw error;
  } finally {
    timer.cancel();
    outcome.hangUp();
  }
}

/** Reports an event; returns where the next one begins. */
function witnessed(
  cast: Cast,
  { stream, shard }: Wish,
  event: EventBody,
  cursor: Cursor,
  chainFromHorizon: Moment | undefined,
  sent: Moment,
): Cursor {
  // At the end of a shard there is no number to go on from.
  const upTo = event.ContinuationSequenceNumber as string | undefined;
  const ended = upTo === undefined;
  cast.witness.read({
    stream,
    shard,
    cursor,
    chainFromHorizon,
    records: event.Records.map(readRecord),
    upTo,
    atTip: ended,
    ended,
    children: (event.ChildShards ?? []).map(toldChild),
    sent,
    received: cast.world.moment(),
  });
  for (const child of event.ChildShards ?? []) shardOf(stream, child.ShardId);
  return upTo === undefined ? cursor : { kind: "after", sequenceNumber: upTo };
}

function refused(cast: Cast, refusal: Parameters<typeof expectRefusal>[2], { stream, shard }: Wish): void {
  reportUnreadable(cast, refusal, stream, shard);
  const mayHaveGone = shardMayBeGone(stream, shard, refusal.received, refusal.received);
  expectRefusal(cast, "SubscribeToShard", refusal, stream, [
    ...TAKEN,
    ...(mayHaveGone ? ["ResourceNotFoundException"] : []),
  ]);
}
