import type { ServiceError } from "@millrace/api";
import type { StreamsContext } from "../context.ts";

type LimitFailure = (code: "LimitExceededException", message: string) => ServiceError;

interface AccountInRegion {
  readonly accountId: string;
  readonly region: string;
}

/** Refuses one more stream in CREATING than an account may have at once. Text as users of the service tell it. */
export function refuseCreatingBeyondLimit(
  context: StreamsContext,
  { accountId, region }: AccountInRegion,
  failure: LimitFailure,
): void {
  const { creatingStreams: limit } = context.limits;
  let creating = 0;
  for (const { header } of context.catalog.streamsOf(accountId, region)) {
    if (header.status === "CREATING") creating += 1;
  }
  if (creating < limit) return;
  throw failure(
    "LimitExceededException",
    // Two spaces before "streams", and the grammar, are the service's own.
    "This request would have exceed the limit on the number  of streams that can simultaneously be in CREATING or " +
      `DELETING for the account ${accountId}. Limit: ${limit}.`,
  );
}

/** Refuses one more stream in on-demand mode than an account may have. How the service words it is not recorded. */
export function refuseOnDemandBeyondLimit(
  context: StreamsContext,
  { accountId, region }: AccountInRegion,
  failure: LimitFailure,
): void {
  const { onDemandStreamsPerAccount: limit } = context.limits;
  const count = onDemandStreamCount(context, { accountId, region });
  if (count < limit) return;
  throw failure(
    "LimitExceededException",
    `This request would exceed the on-demand stream limit for the account ${accountId} in ${region}. ` +
      `Current on-demand stream count for the account: ${count}. Limit: ${limit}.`,
  );
}

export function onDemandStreamCount(context: StreamsContext, { accountId, region }: AccountInRegion): number {
  let count = 0;
  for (const { header } of context.catalog.streamsOf(accountId, region)) {
    if (header.mode === "ON_DEMAND") count += 1;
  }
  return count;
}
