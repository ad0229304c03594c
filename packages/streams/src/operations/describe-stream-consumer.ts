import { DescribeStreamConsumer } from "@millrace/api";
import { consumerDescription, findConsumer, readConsumerName } from "../consumers/find-consumer.ts";
import { handle } from "../handler.ts";

/** Describes one fan-out consumer. */
export const describeStreamConsumer = handle(DescribeStreamConsumer, (context, input, { failure }) => {
  const consumer = findConsumer(context, readConsumerName(input, failure), failure);
  return { ConsumerDescription: { ...consumerDescription(consumer), StreamARN: consumer.stream.arn } };
});
