import type { ServiceError } from "@millrace/api";
import type { StreamsContext } from "../context.ts";
import { shardsPerAccount } from "../limits.ts";

/** Refuses to open shards beyond the account's limit in a region. Text recorded from the service by kinesalite. */
export function refuseShardsBeyondLimit(
  context: StreamsContext,
  accountId: string,
  region: string,
  additional: number,
  failure: (code: "LimitExceededException", message: string) => ServiceError,
): void {
  const limit = shardsPerAccount(context.limits, region);
  // Counting takes a look at every stream; without a limit there is nothing to count for.
  if (limit === Infinity) return;
  const current = context.catalog.openShardCountOf(accountId, region);
  if (current + additional <= limit) return;
  throw failure(
    "LimitExceededException",
    `This request would exceed the shard limit for the account ${accountId} in ${region}. ` +
      `Current shard count for the account: ${current}. Limit: ${limit}. ` +
      `Number of additional shards that would have resulted from this request: ${additional}. ` +
      "Refer to the AWS Service Limits page " +
      "(http://docs.aws.amazon.com/general/latest/gr/aws_service_limits.html) " +
      "for current limits and how to request higher limits.",
  );
}
