import type { ServiceError } from "@millrace/api";
import { hasCommitment } from "../account/throughput-commitment.ts";
import type { Stream } from "../catalog/stream.ts";
import type { StreamsContext } from "../context.ts";

/**
 * Refuses a consumer beyond what a stream may have, and beyond what may be in CREATING at once. How the
 * service words it is not recorded.
 */
export function refuseConsumersBeyondLimit(
  context: StreamsContext,
  stream: Stream,
  failure: (code: "LimitExceededException", message: string) => ServiceError,
): void {
  const { creatingConsumers } = context.limits;
  const limit = consumersPerStream(context, stream);
  const where = `stream ${stream.name} under account ${stream.accountId}`;
  if (stream.consumers.size >= limit) {
    throw failure(
      "LimitExceededException",
      `This request would exceed the limit on the number of consumers of ${where}. Limit: ${limit}.`,
    );
  }
  let creating = 0;
  for (const { status } of stream.consumers.values()) if (status === "CREATING") creating += 1;
  if (creating < creatingConsumers) return;
  throw failure(
    "LimitExceededException",
    "This request would exceed the limit on the number of consumers that can simultaneously be in CREATING " +
      `for ${where}. Limit: ${creatingConsumers}.`,
  );
}

/** On-demand streams of an account with a throughput commitment may have more ("On-demand Advantage"). */
function consumersPerStream(context: StreamsContext, stream: Stream): number {
  const { consumersPerStream: standard, consumersPerStreamWithAdvantage: advantage } = context.limits;
  if (stream.header.mode !== "ON_DEMAND") return standard;
  const { accountId, region } = stream;
  return hasCommitment(context, accountId, region, context.clock.nowMs()) ? advantage : standard;
}
