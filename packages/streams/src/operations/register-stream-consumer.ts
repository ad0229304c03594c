import { RegisterStreamConsumer } from "@millrace/api";
import type { ConsumerRow } from "../catalog/records.ts";
import type { FoundConsumer } from "../consumers/find-consumer.ts";
import { refuseConsumersBeyondLimit } from "../consumers/consumer-limit.ts";
import { consumerChange } from "../consumers/consumer-transitions.ts";
import { consumerDescription } from "../consumers/find-consumer.ts";
import { readStreamName, requireActive, streamNotFound } from "../find-stream.ts";
import { handle } from "../handler.ts";
import { consumerTitle } from "../resources/find-resource.ts";
import { withTags } from "../resources/tags.ts";

/** Registers a fan-out consumer on a stream. It is CREATING, and cannot subscribe, until its time is up. */
export const registerStreamConsumer = handle(
  RegisterStreamConsumer,
  async (context, input, { caller, failure, nowMs }) => {
    const streamName = readStreamName(input, caller, failure);
    const name = input.ConsumerName;
    const tags = withTags(context, {}, input.Tags ?? {}, consumerTitle(name, streamName), failure);
    let registered: FoundConsumer | undefined;
    await context.catalog.change(streamName, (stream) => {
      if (stream === undefined) throw streamNotFound(streamName, failure);
      requireActive(stream, failure);
      if (stream.consumers.has(name)) {
        throw failure(
          "ResourceInUseException",
          `Consumer ${name} under stream ${stream.name} already exists for account ${stream.accountId}.`,
        );
      }
      refuseConsumersBeyondLimit(context, stream, failure);
      const row: ConsumerRow = {
        status: "CREATING",
        createdMs: nowMs,
        pending: { kind: "create", dueMs: nowMs + context.transitionDelayMs },
        tags,
      };
      registered = { stream, name, row };
      return consumerChange(stream, name, row);
    });
    return { Consumer: consumerDescription(registered!) };
  },
);
