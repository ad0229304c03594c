import type { kinesis, OutputOf } from "@millrace/api";
import { isSet } from "../arguments/values.ts";
import type { Command } from "../command.ts";
import { connect, CONNECTION_OPTIONS } from "../connection.ts";
import { formatTable } from "../output/table.ts";
import { formatTime } from "../output/units.ts";
import { JSON_OPTION, printJson, printLines } from "./stream-shared.ts";

type Summary = NonNullable<OutputOf<typeof kinesis.operations.ListStreams>["StreamSummaries"]>[number];

export const streamLs: Command = {
  name: "stream ls",
  summary: "List the streams of the account and region",
  arguments: [],
  options: [
    { name: "long", description: "Ask each stream for its shards, retention and consumers too" },
    JSON_OPTION,
    ...CONNECTION_OPTIONS,
  ],
  examples: [["millrace stream ls --long", "with shard counts"]],
  async run(world, invocation) {
    const { kinesis: client } = await connect(world, invocation);
    const streams: Summary[] = [];
    for (let token: string | undefined; ;) {
      const page = await client.listStreams(token === undefined ? {} : { NextToken: token });
      streams.push(...(page.StreamSummaries ?? []));
      token = page.HasMoreStreams ? page.NextToken : undefined;
      if (token === undefined) break;
    }
    if (!isSet(invocation, "long")) {
      if (isSet(invocation, "json")) printJson(world, streams);
      else if (streams.length === 0) printLines(world, ["no streams"]);
      else printLines(world, formatTable(["STREAM", "STATUS", "MODE", "CREATED"], streams.map(basicRow)));
      return 0;
    }
    const detailed = [];
    // One after the other: the service allows twenty of these calls a second.
    for (const { StreamName } of streams) {
      detailed.push((await client.describeStreamSummary({ StreamName })).StreamDescriptionSummary);
    }
    if (isSet(invocation, "json")) printJson(world, detailed);
    else {
      const rows = detailed.map((stream) => [
        ...basicRow(stream),
        String(stream.OpenShardCount),
        `${stream.RetentionPeriodHours} h`,
        String(stream.ConsumerCount ?? 0),
      ]);
      const header = ["STREAM", "STATUS", "MODE", "CREATED", "SHARDS", "RETENTION", "CONSUMERS"];
      printLines(world, rows.length === 0 ? ["no streams"] : formatTable(header, rows));
    }
    return 0;
  },
};

function basicRow(
  stream: Pick<Summary, "StreamName" | "StreamStatus" | "StreamModeDetails" | "StreamCreationTimestamp">,
) {
  return [
    stream.StreamName,
    stream.StreamStatus,
    stream.StreamModeDetails?.StreamMode === "ON_DEMAND" ? "on-demand" : "provisioned",
    stream.StreamCreationTimestamp === undefined ? "" : formatTime(stream.StreamCreationTimestamp),
  ];
}
