import { UpdateStreamWarmThroughput } from "@millrace/api";
import { refuseWarmThroughput } from "../account/throughput-commitment.ts";
import type { Stream } from "../catalog/stream.ts";
import { readStreamName, requireActive, streamNotFound } from "../find-stream.ts";
import { handle } from "../handler.ts";
import { refuseShardsBeyondLimit } from "../shards/shard-limit.ts";
import { additionalShards, currentThroughputMiBps, warmed } from "../shards/warm-throughput.ts";

/** Sets what an on-demand stream takes in writes without having to scale first; 0 ends it. */
export const updateStreamWarmThroughput = handle(
  UpdateStreamWarmThroughput,
  async (context, input, { caller, failure, nowMs }) => {
    const name = readStreamName(input, caller, failure);
    const target = input.WarmThroughputMiBps;
    let found: Stream | undefined;
    let currentMiBps = 0;
    await context.catalog.changeInTurn(name, (stream) => {
      if (stream === undefined) throw streamNotFound(name, failure);
      if (stream.header.mode !== "ON_DEMAND") {
        throw failure(
          "InvalidArgumentException",
          `Stream ${name.name} under account ${name.accountId} is in PROVISIONED mode, which has no warm throughput.`,
        );
      }
      refuseWarmThroughput(context, name, target, nowMs, failure);
      requireActive(stream, failure);
      found = stream;
      currentMiBps = currentThroughputMiBps(stream);
      refuseShardsBeyondLimit(
        context,
        name.accountId,
        name.region,
        additionalShards(stream, target),
        failure,
      );
      return { header: warmed(context, stream, stream.header, target, nowMs) };
    });
    return {
      StreamARN: found!.arn,
      StreamName: name.name,
      WarmThroughput: { TargetMiBps: target, CurrentMiBps: currentMiBps },
    };
  },
);
