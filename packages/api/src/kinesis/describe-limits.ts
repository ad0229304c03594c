import { operation, optional, required, structure } from "../shape.ts";
import { ResourceCount } from "./shapes.ts";

export const DescribeLimits = operation({
  name: "DescribeLimits",
  plane: "control",
  documentation: "Says how many shards and on-demand streams the account has and may have.",

  input: structure({}),

  output: structure({
    ShardLimit: required(ResourceCount),
    OpenShardCount: required(ResourceCount),
    OnDemandStreamCount: required(ResourceCount),
    OnDemandStreamCountLimit: required(ResourceCount),
    ChannelCount: optional(ResourceCount),
    ChannelCountLimit: optional(ResourceCount),
  }),

  errors: ["LimitExceededException"],
});
