import { argumentOf, isSet } from "../arguments/values.ts";
import type { Command } from "../command.ts";
import { connect, CONNECTION_OPTIONS } from "../connection.ts";
import { formatPairs, formatTable } from "../output/table.ts";
import { formatTime } from "../output/units.ts";
import { isOpen, listShards, type ShardDescription } from "../reading/read-stream.ts";
import { JSON_OPTION, printJson, printLines, STREAM_ARGUMENT } from "./stream-shared.ts";

const RING_SIZE = 2n ** 128n;

export const streamDescribe: Command = {
  name: "stream describe",
  summary: "Show a stream and its shards",
  arguments: [STREAM_ARGUMENT],
  options: [
    { name: "all", description: "Closed shards too, as long as their records are kept" },
    JSON_OPTION,
    ...CONNECTION_OPTIONS,
  ],
  examples: [["millrace stream describe clicks --all", "with the shards that were split or merged"]],
  async run(world, invocation) {
    const streamName = argumentOf(invocation, "STREAM");
    const { kinesis } = await connect(world, invocation);
    const { StreamDescriptionSummary: stream } = await kinesis.describeStreamSummary({
      StreamName: streamName,
    });
    const all = await listShards(kinesis, streamName);
    const shards = isSet(invocation, "all") ? all : all.filter(isOpen);
    if (isSet(invocation, "json")) {
      printJson(world, { ...stream, Shards: shards });
      return 0;
    }
    printLines(world, [
      ...formatPairs([
        ["stream", stream.StreamName],
        ["arn", stream.StreamARN],
        ["status", stream.StreamStatus],
        ["mode", stream.StreamModeDetails?.StreamMode === "ON_DEMAND" ? "on-demand" : "provisioned"],
        ["created", formatTime(stream.StreamCreationTimestamp)],
        ["retention", `${stream.RetentionPeriodHours} h`],
        [
          "record size",
          stream.MaxRecordSizeInKiB === undefined ? "" : `up to ${stream.MaxRecordSizeInKiB} KiB`,
        ],
        ["encryption", stream.EncryptionType === "KMS" ? `KMS ${stream.KeyId ?? ""}` : "none"],
        ["consumers", String(stream.ConsumerCount ?? 0)],
        ["open shards", String(stream.OpenShardCount)],
      ]),
      "",
      ...formatTable(
        ["SHARD", "STATE", "SHARE", "FIRST HASH KEY", "LAST HASH KEY", "PARENTS"],
        shards.map((shard) => [
          shard.ShardId,
          isOpen(shard) ? "open" : "closed",
          shareOf(shard),
          shard.HashKeyRange.StartingHashKey,
          shard.HashKeyRange.EndingHashKey,
          [shard.ParentShardId, shard.AdjacentParentShardId].filter((id) => id !== undefined).join(" + "),
        ]),
      ),
    ]);
    return 0;
  },
};

/** How much of the ring of hash keys is the shard's. */
function shareOf({ HashKeyRange: { StartingHashKey, EndingHashKey } }: ShardDescription): string {
  const hundredths = ((BigInt(EndingHashKey) - BigInt(StartingHashKey) + 1n) * 10_000n) / RING_SIZE;
  return `${(Number(hundredths) / 100).toFixed(2)} %`;
}
