import { ServiceError } from "@millrace/api";
import type { KinesisClient } from "@millrace/client";
import type { Invocation, OptionSpec } from "../arguments/command.ts";
import { parseStartPosition } from "../arguments/start-position.ts";
import { UsageError } from "../arguments/usage-error.ts";
import { argumentOf, integerOf, isSet, textOf, textsOf } from "../arguments/values.ts";
import { type Command, CommandFailure, interruptedCode } from "../command.ts";
import { connect, CONNECTION_OPTIONS } from "../connection.ts";
import { tellWhenSlow } from "../output/waiting.ts";
import { recordLine } from "../output/record-lines.ts";
import { listShards, readStream } from "../reading/read-stream.ts";
import { fanOutSource, pause, pollingSource, type ShardSource } from "../reading/shard-sources.ts";
import type { World } from "../world.ts";
import { JSON_OPTION, STREAM_ARGUMENT } from "./stream-shared.ts";

const READ_OPTIONS: readonly OptionSpec[] = [
  { name: "shard", value: "SHARD", description: "Only this shard, without its children", repeatable: true },
  { name: "limit", value: "N", description: "End after so many records" },
  { ...JSON_OPTION, description: "One JSON object per record, with shard, sequence number and arrival" },
];

export const tail: Command = {
  name: "tail",
  summary: "Print records as they arrive, from all shards",
  description:
    "Prints the partition key, a tab and the data. Follows the children after a reshard. Ends with Ctrl-C.",
  arguments: [STREAM_ARGUMENT],
  options: [
    {
      name: "from",
      value: "WHERE",
      description: "latest, trim-horizon, a time, how long ago: -5m, or sequence:N with --shard",
      default: "latest",
    },
    {
      name: "fan-out",
      value: "NAME",
      description: "Be pushed to as this consumer, which is registered when it is missing",
    },
    ...READ_OPTIONS,
    ...CONNECTION_OPTIONS,
  ],
  examples: [
    ["millrace tail clicks", "from now on"],
    ["millrace tail clicks --from -1h --json | jq .data", "the last hour, then on"],
    ["millrace tail clicks --fan-out dashboard", "pushed, with throughput of its own"],
  ],
  run: (world, invocation) => read(world, invocation, { follow: true, from: "latest" }),
};

export const get: Command = {
  name: "get",
  summary: "Print the records that are there, and end",
  arguments: [STREAM_ARGUMENT],
  options: [
    {
      name: "from",
      value: "WHERE",
      description: "trim-horizon, a time, how long ago: -5m, or sequence:N with --shard",
      default: "trim-horizon",
    },
    ...READ_OPTIONS,
    ...CONNECTION_OPTIONS,
  ],
  examples: [
    ["millrace get clicks --limit 10", "the oldest ten"],
    ["millrace get clicks --from 2026-11-20T16:00:00Z", "everything since then"],
    [
      "millrace get clicks --shard shardId-000000000000 --from sequence:4957",
      "one shard from that record on",
    ],
  ],
  run: (world, invocation) => read(world, invocation, { follow: false, from: "trim-horizon" }),
};

async function read(
  world: World,
  invocation: Invocation,
  defaults: { readonly follow: boolean; readonly from: string },
): Promise<number> {
  const streamName = argumentOf(invocation, "STREAM");
  const from = parseStartPosition(textOf(invocation, "from") ?? defaults.from, world.clock.nowMs());
  const limit = integerOf(invocation, "limit", 1, Number.MAX_SAFE_INTEGER) ?? Infinity;
  const shardIds = textsOf(invocation, "shard");
  if (from.kind === "AT_SEQUENCE_NUMBER" && shardIds.length !== 1) {
    throw new UsageError(
      "--from sequence:N is a place in one shard: name it with --shard, once",
      invocation.command.name,
    );
  }
  const style = { json: isSet(invocation, "json"), color: world.output.isTerminal };
  const { kinesis, tellWait } = await connect(world, invocation);
  const shards = await listShards(kinesis, streamName);
  for (const shardId of shardIds) {
    if (!shards.some(({ ShardId }) => ShardId === shardId)) {
      throw new CommandFailure(
        `${streamName} has no shard ${shardId}; it has ${shards.map(({ ShardId }) => ShardId).join(", ")}`,
      );
    }
  }
  const enough = new AbortController();
  const stop = () => enough.abort();
  if (world.interrupted.aborted) stop();
  world.interrupted.addEventListener("abort", stop, { once: true });
  const consumerName = textOf(invocation, "fan-out");
  const consumer =
    consumerName === undefined
      ? undefined
      : await tellWhenSlow(
          world.clock,
          tellWait,
          `consumer ${consumerName} is not ready yet`,
          registered(world, kinesis, streamName, consumerName),
        );
  const source: ShardSource =
    consumer === undefined
      ? pollingSource(kinesis, streamName, world.clock, tellWait)
      : fanOutSource(kinesis, consumer.arn, world.clock, tellWait);
  let printedCount = 0;
  try {
    await readStream({
      source,
      shards,
      from,
      shardIds,
      follow: defaults.follow,
      signal: enough.signal,
      async onRecords(shardId, records) {
        const wanted = records.slice(0, limit - printedCount);
        printedCount += wanted.length;
        world.output.write(wanted.map((record) => recordLine(shardId, record, style)).join(""));
        if (printedCount >= limit) stop();
        await world.output.drained();
      },
    });
  } finally {
    world.interrupted.removeEventListener("abort", stop);
    // A consumer that somebody else registered stays.
    if (consumer?.isOurs === true) await kinesis.deregisterStreamConsumer({ ConsumerARN: consumer.arn });
    await kinesis.close();
  }
  return world.interrupted.aborted ? interruptedCode(world) : 0;
}

/** The consumer of that name, registered now when there was none, once it can be subscribed to. */
async function registered(
  world: World,
  kinesis: KinesisClient,
  streamName: string,
  consumerName: string,
): Promise<{ readonly arn: string; readonly isOurs: boolean }> {
  const { StreamDescriptionSummary: stream } = await kinesis.describeStreamSummary({
    StreamName: streamName,
  });
  const name = { StreamARN: stream.StreamARN, ConsumerName: consumerName };
  let isOurs = false;
  for (let pollMs = 20; !world.interrupted.aborted; pollMs = Math.min(1_000, pollMs * 2)) {
    try {
      const { ConsumerDescription: consumer } = await kinesis.describeStreamConsumer(name);
      if (consumer.ConsumerStatus === "ACTIVE") return { arn: consumer.ConsumerARN, isOurs };
    } catch (failure) {
      if (!(failure instanceof ServiceError) || failure.code !== "ResourceNotFoundException") throw failure;
      await kinesis.registerStreamConsumer(name);
      isOurs = true;
    }
    await pause(world.clock, pollMs, world.interrupted);
  }
  throw new CommandFailure("interrupted before the consumer was ready");
}
