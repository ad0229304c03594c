import { DescribeLimits } from "@millrace/api";
import { onDemandStreamCount } from "../account/stream-limits.ts";
import { handle } from "../handler.ts";
import { shardsPerAccount } from "../limits.ts";

/** The most that an answer can say; what a lifted limit is told as. */
const COUNT_MAX = 1_000_000;

/** Says how many shards and on-demand streams the account has in the region, and may have. Channels are not served. */
export const describeLimits = handle(DescribeLimits, (context, _input, { caller }) => {
  const { catalog, limits } = context;
  return {
    ShardLimit: Math.min(COUNT_MAX, shardsPerAccount(limits, caller.region)),
    OpenShardCount: Math.min(COUNT_MAX, catalog.openShardCountOf(caller.accountId, caller.region)),
    OnDemandStreamCount: Math.min(COUNT_MAX, onDemandStreamCount(context, caller)),
    OnDemandStreamCountLimit: Math.min(COUNT_MAX, limits.onDemandStreamsPerAccount),
    ChannelCount: 0,
    ChannelCountLimit: 0,
  };
});
