import { DeregisterStreamConsumer } from "@millrace/api";
import { consumerChange } from "../consumers/consumer-transitions.ts";
import { consumerOf, readConsumerName } from "../consumers/find-consumer.ts";
import { handle } from "../handler.ts";

/** Removes a fan-out consumer in any status. Its subscriptions end at once; its name is free when it is gone. */
export const deregisterStreamConsumer = handle(
  DeregisterStreamConsumer,
  async (context, input, { failure, nowMs }) => {
    const asked = readConsumerName(input, failure);
    await context.catalog.change(asked.stream, (stream) => {
      const consumer = consumerOf(stream, asked, failure);
      if (consumer.row.status === "DELETING") return undefined;
      return consumerChange(consumer.stream, consumer.name, {
        ...consumer.row,
        status: "DELETING",
        pending: { kind: "delete", dueMs: nowMs + context.transitionDelayMs },
      });
    });
    return {};
  },
);
