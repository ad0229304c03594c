import { CreateStream } from "@millrace/api";
import type { Failure } from "@millrace/wire";
import { refuseCreatingBeyondLimit, refuseOnDemandBeyondLimit } from "../account/stream-limits.ts";
import { refuseWarmThroughput } from "../account/throughput-commitment.ts";
import type { StreamHeader, StreamMode } from "../catalog/records.ts";
import type { StreamsContext } from "../context.ts";
import { handle } from "../handler.ts";
import { streamTitle } from "../resources/find-resource.ts";
import { withTags } from "../resources/tags.ts";
import { refuseAutoOnProvisioned } from "../shards/distribution.ts";
import { refuseShardsBeyondLimit } from "../shards/shard-limit.ts";
import { shardsForThroughput } from "../shards/warm-throughput.ts";

const USER_PARTITION_KEY = "USER_PARTITION_KEY";

/** Creates a stream, which is CREATING until its shards are open. */
export const createStream = handle(CreateStream, async (context, input, { caller, failure, nowMs }) => {
  const { accountId, region } = caller;
  const name = { accountId, region, name: input.StreamName };
  const mode =
    input.StreamModeDetails?.StreamMode ?? (input.ShardCount === undefined ? "ON_DEMAND" : "PROVISIONED");
  const tags = withTags(context, {}, input.Tags ?? {}, streamTitle(name), failure);

  await context.catalog.changeInTurn(name, (existing) => {
    if (existing !== undefined) {
      throw failure(
        "ResourceInUseException",
        `Stream ${name.name} under account ${accountId} already exists.`,
      );
    }
    const shardCount = shardCountOf(context, input, mode, failure);
    refuseAutoOnProvisioned(input.RecordDistributionStrategy ?? USER_PARTITION_KEY, mode, failure);
    const { WarmThroughputMiBps: warm = 0 } = input;
    if (warm > 0) refuseWarmThroughput(context, caller, warm, nowMs, failure);
    refuseCreatingBeyondLimit(context, caller, failure);
    if (mode === "ON_DEMAND") refuseOnDemandBeyondLimit(context, caller, failure);
    refuseShardsBeyondLimit(context, accountId, region, shardCount, failure);
    const header: StreamHeader = {
      incarnation: Buffer.from(context.secrets.bytes(8)).toString("hex"),
      status: "CREATING",
      pending: { kind: "create", dueMs: nowMs + context.transitionDelayMs, shardCount },
      mode,
      createdMs: nowMs,
      retentionHours: context.limits.retentionHoursMin,
      horizonMs: 0,
      nextShardIndex: 0,
      maxRecordSizeKiB: input.MaxRecordSizeInKiB ?? context.limits.recordSizeDefaultKiB,
      recordDistribution: input.RecordDistributionStrategy ?? USER_PARTITION_KEY,
      encryption: { type: "NONE" },
      shardLevelMetrics: [],
      ...(warm === 0 ? {} : { warmThroughputMiBps: warm }),
      tags,
      calls: {},
    };
    return { header };
  });
  return {};
});

type CreateFailure = Failure<typeof CreateStream>;

function shardCountOf(
  context: StreamsContext,
  input: { readonly ShardCount?: number; readonly WarmThroughputMiBps?: number },
  mode: StreamMode,
  failure: CreateFailure,
): number {
  if (mode === "ON_DEMAND") {
    if (input.ShardCount !== undefined) {
      throw failure(
        "InvalidArgumentException",
        "ShardCount cannot be specified for a stream in ON_DEMAND mode.",
      );
    }
    // Warm throughput is there from the start.
    return Math.max(
      context.limits.onDemandShardsAtStart,
      shardsForThroughput(input.WarmThroughputMiBps ?? 0),
    );
  }
  if (input.WarmThroughputMiBps !== undefined) {
    throw failure(
      "InvalidArgumentException",
      "WarmThroughputMiBps can only be specified for a stream in ON_DEMAND mode.",
    );
  }
  if (input.ShardCount === undefined) {
    throw failure(
      "InvalidArgumentException",
      "ShardCount must be specified for a stream in PROVISIONED mode.",
    );
  }
  return input.ShardCount;
}
