import type { InputOf } from "@millrace/api";
import { SubscribeToShard } from "@millrace/api";
import { formatShardId, parseShardId } from "@millrace/model";
import type { Failure } from "@millrace/wire";
import { findConsumer, readConsumerName } from "../consumers/find-consumer.ts";
import { Subscription } from "../fan-out/subscription.ts";
import type { Subscriber } from "../fan-out/subscriptions.ts";
import { activeElsewhere, consumerNotActive, subscribeRateExceeded } from "../fan-out/texts.ts";
import { streamNotFound } from "../find-stream.ts";
import { handle } from "../handler.ts";
import { numberBefore } from "../import/imported-numbers.ts";
import type { StartingPosition } from "../shards/starting-position.ts";
import { startingPosition } from "../shards/starting-position.ts";
import { DRY_RUN } from "../shards/texts.ts";

/** Pushes the records of a shard to a consumer as they become durable, for up to five minutes. */
export const subscribeToShard = handle(SubscribeToShard, async (context, input, { caller, failure }) => {
  const { stream, name, row } = findConsumer(context, readConsumerName(input, failure), failure);
  if (!stream.isServing) throw streamNotFound(stream, failure);
  const shardIndex = parseShardId(input.ShardId);
  const shard = shardIndex === undefined ? undefined : stream.shard(shardIndex);
  if (shard === undefined) {
    throw failure(
      "ResourceNotFoundException",
      `Shard ${shardIndex === undefined ? input.ShardId : formatShardId(shardIndex)} in stream ${stream.name} ` +
        `under account ${stream.accountId} does not exist`,
    );
  }
  const subscriber: Subscriber = { stream, shard, consumerName: name, consumerCreatedMs: row.createdMs };
  if (row.status !== "ACTIVE") throw failure("ResourceInUseException", consumerNotActive(subscriber));

  const { subscriptions } = context;
  const seat = subscriptions.seatOf(subscriber);
  const isTaken = (): Error => failure("ResourceInUseException", activeElsewhere(subscriber));
  const turn = await subscriptions.ask(seat);
  if (turn === "taken") throw isTaken();
  if (turn === "too-often") {
    context.meter.throttled(stream, shard, "subscribeCalls", 1);
    throw failure("LimitExceededException", subscribeRateExceeded(subscriber));
  }
  const asked = positionAsked(input.StartingPosition, failure);
  const position = await startingPosition(context, stream, shard, asked, SubscribeToShard.name, failure);
  const continuation =
    shard.row.imported === undefined ? undefined : await numberBefore(context.engine, shard, position);
  if (input.DryRun === true) throw failure("DryRunOperationException", DRY_RUN);
  // Another call may have been faster to find its position.
  if (!(await subscriptions.take(seat))) throw isTaken();
  return { EventStream: new Subscription(context, seat, position, continuation, caller.requestId) };
});

/** Which members go together. How the service words it is not recorded. */
function positionAsked(
  asked: InputOf<typeof SubscribeToShard>["StartingPosition"],
  failure: Failure<typeof SubscribeToShard>,
): StartingPosition {
  const { Type: type, SequenceNumber: sequenceNumber, Timestamp: timestampMs } = asked;
  switch (type) {
    case "AT_SEQUENCE_NUMBER":
    case "AFTER_SEQUENCE_NUMBER":
      if (sequenceNumber !== undefined) return { type, sequenceNumber };
      throw failure(
        "InvalidArgumentException",
        `SequenceNumber must be provided for a StartingPosition of type ${type}.`,
      );
    case "AT_TIMESTAMP":
      if (timestampMs !== undefined) return { type, timestampMs };
      throw failure(
        "InvalidArgumentException",
        `Timestamp must be provided for a StartingPosition of type ${type}.`,
      );
    case "TRIM_HORIZON":
    case "LATEST":
      return { type };
  }
}
