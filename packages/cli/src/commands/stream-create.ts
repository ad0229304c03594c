import { formatCount } from "../output/units.ts";
import { argumentOf, integerOf, isSet, textsOf } from "../arguments/values.ts";
import { UsageError } from "../arguments/usage-error.ts";
import type { Command } from "../command.ts";
import { connect, CONNECTION_OPTIONS } from "../connection.ts";
import { NO_WAIT_OPTION, printLines, STREAM_ARGUMENT, waitForStream } from "./stream-shared.ts";

export const streamCreate: Command = {
  name: "stream create",
  summary: "Create a stream and wait until it can be written to",
  arguments: [STREAM_ARGUMENT],
  options: [
    {
      name: "shards",
      value: "N",
      description: "Shards to begin with; not together with --on-demand",
      default: "1",
    },
    { name: "on-demand", description: "Let the stream scale by its traffic" },
    { name: "tag", value: "NAME=VALUE", description: "Tag the stream", repeatable: true },
    NO_WAIT_OPTION,
    ...CONNECTION_OPTIONS,
  ],
  examples: [
    ["millrace stream create clicks --shards 4", "four shards"],
    ["millrace stream create clicks --on-demand --tag team=web", "on demand, tagged"],
  ],
  async run(world, invocation) {
    const streamName = argumentOf(invocation, "STREAM");
    const onDemand = isSet(invocation, "on-demand");
    const shards = integerOf(invocation, "shards", 1, 10_000);
    if (onDemand && shards !== undefined) {
      throw new UsageError("--shards and --on-demand exclude each other", "stream create");
    }
    const tags = tagsFrom(textsOf(invocation, "tag"));
    const connection = await connect(world, invocation);
    await connection.kinesis.createStream({
      StreamName: streamName,
      ...(onDemand ? { StreamModeDetails: { StreamMode: "ON_DEMAND" } } : { ShardCount: shards ?? 1 }),
      ...(Object.keys(tags).length === 0 ? {} : { Tags: tags }),
    });
    if (isSet(invocation, "no-wait")) {
      printLines(world, [`${streamName} is being created`]);
      return 0;
    }
    await waitForStream(world, connection, streamName, "ACTIVE", `creating ${streamName}`);
    printLines(world, [
      `${streamName} is active with ${onDemand ? "on-demand capacity" : `${formatCount(shards ?? 1)} ${shards === undefined || shards === 1 ? "shard" : "shards"}`}`,
    ]);
    return 0;
  },
};

function tagsFrom(texts: readonly string[]): Record<string, string> {
  const tags: Record<string, string> = {};
  for (const text of texts) {
    const at = text.indexOf("=");
    if (at < 1) throw new UsageError(`--tag ${text}: expected NAME=VALUE, such as team=web`, "stream create");
    tags[text.slice(0, at)] = text.slice(at + 1);
  }
  return tags;
}
