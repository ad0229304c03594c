import { UpdateShardCount } from "@millrace/api";
import type { Failure } from "@millrace/wire";
import { refuseBeyondDay, withCallOfDay } from "../calls-of-day.ts";
import type { Stream } from "../catalog/stream.ts";
import { readStreamName, requireActive, streamNotFound } from "../find-stream.ts";
import type { StreamsContext } from "../context.ts";
import { handle } from "../handler.ts";
import { requireProvisioned } from "../shards/require-provisioned.ts";
import { refuseShardsBeyondLimit } from "../shards/shard-limit.ts";
import { resharding } from "../updating.ts";

/** Scales a provisioned stream to a number of equal shards. The stream is UPDATING until they are open. */
export const updateShardCount = handle(
  UpdateShardCount,
  async (context, input, { caller, failure, nowMs }) => {
    const name = readStreamName(input, caller, failure);
    const target = input.TargetShardCount;
    let found: Stream | undefined;
    let current = 0;
    await context.catalog.changeInTurn(name, (stream) => {
      if (stream === undefined) throw streamNotFound(name, failure);
      requireActive(stream, failure);
      current = stream.openShards().length;
      found = stream;
      refuseUnreachable(context, stream, current, target, nowMs, failure);
      refuseShardsBeyondLimit(context, name.accountId, name.region, target - current, failure);
      const header = { ...stream.header, calls: withCallOfDay(stream, UpdateShardCount.name, nowMs) };
      return { header: resharding(context, header, { kind: "uniform", targetShardCount: target }, nowMs) };
    });
    return {
      StreamName: name.name,
      CurrentShardCount: current,
      TargetShardCount: target,
      StreamARN: found!.arn,
    };
  },
);

function refuseUnreachable(
  context: StreamsContext,
  stream: Stream,
  current: number,
  target: number,
  nowMs: number,
  failure: Failure<typeof UpdateShardCount>,
): void {
  const { shardCountTargetMax, shardCountUpdatesPerDay } = context.limits;
  const counts = `Current open shard count: ${current} Target shard count: ${target}`;
  requireProvisioned(stream, UpdateShardCount.name, failure);
  if (target > shardCountTargetMax) {
    throw failure(
      "LimitExceededException",
      `Target shard count or number of open shards cannot be greater than ${shardCountTargetMax}. ${counts}`,
    );
  }
  if (target > current * 2) {
    throw failure(
      "LimitExceededException",
      `UpdateShardCount cannot scale up over double your current open shard count. ${counts}`,
    );
  }
  if (target < current / 2) {
    throw failure(
      "LimitExceededException",
      `UpdateShardCount cannot scale down below half your current open shard count. ${counts}`,
    );
  }
  refuseBeyondDay(stream, UpdateShardCount.name, shardCountUpdatesPerDay, nowMs, failure);
}
