import { UpdateStreamMode } from "@millrace/api";
import { refuseOnDemandBeyondLimit } from "../account/stream-limits.ts";
import { refuseWarmThroughput } from "../account/throughput-commitment.ts";
import { refuseBeyondDay, withCallOfDay } from "../calls-of-day.ts";
import { readStreamName, requireActive, streamNotFound } from "../find-stream.ts";
import { handle } from "../handler.ts";
import { refuseShardsBeyondLimit } from "../shards/shard-limit.ts";
import { additionalShards, warmed, withoutWarmth } from "../shards/warm-throughput.ts";
import { updating } from "../updating.ts";

/** Switches a stream between provisioned and on-demand capacity. Its shards stay as they are. */
export const updateStreamMode = handle(
  UpdateStreamMode,
  async (context, input, { caller, failure, nowMs }) => {
    const name = readStreamName(input, caller, failure);
    const { StreamMode: mode } = input.StreamModeDetails;
    const { WarmThroughputMiBps: warmThroughputMiBps } = input;
    await context.catalog.changeInTurn(name, (stream) => {
      if (stream === undefined) throw streamNotFound(name, failure);
      if (warmThroughputMiBps !== undefined && mode === "PROVISIONED") {
        throw failure(
          "InvalidArgumentException",
          "WarmThroughputMiBps can only be specified for a stream in ON_DEMAND mode.",
        );
      }
      requireActive(stream, failure);
      if (stream.header.mode === mode) {
        if (warmThroughputMiBps === undefined) return undefined;
        throw failure(
          "InvalidArgumentException",
          `Stream ${name.name} under account ${name.accountId} is in ON_DEMAND mode already. ` +
            "Use UpdateStreamWarmThroughput.",
        );
      }
      refuseBeyondDay(stream, UpdateStreamMode.name, context.limits.streamModeUpdatesPerDay, nowMs, failure);
      const calls = withCallOfDay(stream, UpdateStreamMode.name, nowMs);
      if (mode === "PROVISIONED") {
        if (stream.header.recordDistribution === "AUTO") {
          throw failure(
            "InvalidArgumentException",
            "A stream in PROVISIONED mode needs RecordDistributionStrategy USER_PARTITION_KEY. " +
              "Use UpdateStreamRecordDistributionStrategy first.",
          );
        }
        return { header: updating(context, { ...withoutWarmth(stream.header), mode, calls }, nowMs) };
      }
      refuseOnDemandBeyondLimit(context, name, failure);
      const header = { ...stream.header, mode, calls };
      if (warmThroughputMiBps === undefined) return { header: updating(context, header, nowMs) };
      refuseWarmThroughput(context, name, warmThroughputMiBps, nowMs, failure);
      refuseShardsBeyondLimit(
        context,
        name.accountId,
        name.region,
        additionalShards(stream, warmThroughputMiBps),
        failure,
      );
      return { header: warmed(context, stream, header, warmThroughputMiBps, nowMs) };
    });
    return {};
  },
);
