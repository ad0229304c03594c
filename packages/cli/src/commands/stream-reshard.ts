import { argumentOf, integerFrom, isSet, textOf } from "../arguments/values.ts";
import { UsageError } from "../arguments/usage-error.ts";
import { type Command, CommandFailure } from "../command.ts";
import { connect, CONNECTION_OPTIONS } from "../connection.ts";
import { isOpen, listShards, type ShardDescription } from "../reading/read-stream.ts";
import { NO_WAIT_OPTION, printLines, STREAM_ARGUMENT, waitForStream } from "./stream-shared.ts";

export const streamSplit: Command = {
  name: "stream split",
  summary: "Split a shard in two",
  arguments: [
    STREAM_ARGUMENT,
    { name: "SHARD", description: "the shard; may be left out when only one is open", optional: true },
  ],
  options: [
    { name: "at", value: "HASHKEY", description: "First hash key of the second half", default: "the middle" },
    NO_WAIT_OPTION,
    ...CONNECTION_OPTIONS,
  ],
  examples: [["millrace stream split clicks shardId-000000000000", "in the middle"]],
  async run(world, invocation) {
    const streamName = argumentOf(invocation, "STREAM");
    const connection = await connect(world, invocation);
    const open = (await listShards(connection.kinesis, streamName)).filter(isOpen);
    const shard = chosenShard(open, invocation.arguments["SHARD"]);
    const at = textOf(invocation, "at");
    if (at !== undefined && !/^\d+$/.test(at)) {
      throw new UsageError(`--at ${at}: expected a hash key, a decimal number below 2^128`, "stream split");
    }
    await connection.kinesis.splitShard({
      StreamName: streamName,
      ShardToSplit: shard.ShardId,
      NewStartingHashKey: at ?? middleOf(shard),
    });
    if (!isSet(invocation, "no-wait")) {
      await waitForStream(world, connection, streamName, "ACTIVE", `splitting ${shard.ShardId}`);
    }
    printLines(world, [`${shard.ShardId} was split`]);
    return 0;
  },
};

export const streamMerge: Command = {
  name: "stream merge",
  summary: "Merge two neighbouring shards",
  arguments: [
    STREAM_ARGUMENT,
    { name: "SHARD", description: "one shard" },
    { name: "NEIGHBOUR", description: "the shard next to it in the range of hash keys" },
  ],
  options: [NO_WAIT_OPTION, ...CONNECTION_OPTIONS],
  examples: [["millrace stream merge clicks shardId-000000000000 shardId-000000000001", "two into one"]],
  async run(world, invocation) {
    const streamName = argumentOf(invocation, "STREAM");
    const connection = await connect(world, invocation);
    const [shard, neighbour] = [argumentOf(invocation, "SHARD"), argumentOf(invocation, "NEIGHBOUR")];
    await connection.kinesis.mergeShards({
      StreamName: streamName,
      ShardToMerge: shard,
      AdjacentShardToMerge: neighbour,
    });
    if (!isSet(invocation, "no-wait")) {
      await waitForStream(world, connection, streamName, "ACTIVE", `merging ${shard} and ${neighbour}`);
    }
    printLines(world, [`${shard} and ${neighbour} were merged`]);
    return 0;
  },
};

export const streamScale: Command = {
  name: "stream scale",
  summary: "Change the number of shards, evenly",
  description:
    "The service plans the splits and merges. It goes to at most twice and at least half of the open shards in one step.",
  arguments: [STREAM_ARGUMENT, { name: "COUNT", description: "how many open shards there shall be" }],
  options: [NO_WAIT_OPTION, ...CONNECTION_OPTIONS],
  examples: [["millrace stream scale clicks 8", "eight open shards"]],
  async run(world, invocation) {
    const streamName = argumentOf(invocation, "STREAM");
    const target = integerFrom(argumentOf(invocation, "COUNT"), "COUNT", 1, 10_000);
    const connection = await connect(world, invocation);
    const { kinesis } = connection;
    const { CurrentShardCount: before = 0 } = await kinesis.updateShardCount({
      StreamName: streamName,
      TargetShardCount: target,
      ScalingType: "UNIFORM_SCALING",
    });
    if (isSet(invocation, "no-wait")) {
      printLines(world, [`${streamName} is going from ${before} to ${target} open shards`]);
      return 0;
    }
    await waitForStream(
      world,
      connection,
      streamName,
      "ACTIVE",
      `scaling ${streamName} to ${target}`,
      async () => {
        const { StreamDescriptionSummary: now } = await kinesis.describeStreamSummary({
          StreamName: streamName,
        });
        return before === target ? 1 : Math.abs(now.OpenShardCount - before) / Math.abs(target - before);
      },
    );
    printLines(world, [`${streamName} went from ${before} to ${target} open shards`]);
    return 0;
  },
};

export const streamDelete: Command = {
  name: "stream delete",
  summary: "Delete a stream and everything in it",
  arguments: [STREAM_ARGUMENT],
  options: [
    { name: "with-consumers", description: "Also when consumers are registered; they go too" },
    NO_WAIT_OPTION,
    ...CONNECTION_OPTIONS,
  ],
  examples: [["millrace stream delete clicks", "gone, with its records"]],
  async run(world, invocation) {
    const streamName = argumentOf(invocation, "STREAM");
    const connection = await connect(world, invocation);
    await connection.kinesis.deleteStream({
      StreamName: streamName,
      EnforceConsumerDeletion: isSet(invocation, "with-consumers"),
    });
    if (isSet(invocation, "no-wait")) {
      printLines(world, [`${streamName} is being deleted`]);
      return 0;
    }
    await waitForStream(world, connection, streamName, "gone", `deleting ${streamName}`);
    printLines(world, [`${streamName} is deleted`]);
    return 0;
  },
};

function chosenShard(open: readonly ShardDescription[], shardId: string | undefined): ShardDescription {
  const names = open.map(({ ShardId }) => ShardId).join(", ");
  if (shardId === undefined) {
    const [only, second] = open;
    if (only === undefined || second !== undefined) {
      throw new UsageError(`which shard? open are ${names}`, "stream split");
    }
    return only;
  }
  const chosen = open.find(({ ShardId }) => ShardId === shardId);
  if (chosen === undefined) throw new CommandFailure(`${shardId} is no open shard; open are ${names}`);
  return chosen;
}

function middleOf({ HashKeyRange: { StartingHashKey, EndingHashKey } }: ShardDescription): string {
  return String((BigInt(StartingHashKey) + BigInt(EndingHashKey) + 1n) / 2n);
}
