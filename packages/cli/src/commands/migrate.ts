import { join } from "node:path";
import { ServiceError } from "@millrace/api";
import type { DynamoClient } from "@millrace/client";
import type { Invocation } from "../arguments/command.ts";
import { isSet, textOf, textsOf } from "../arguments/values.ts";
import { UsageError } from "../arguments/usage-error.ts";
import { type Command, CommandFailure } from "../command.ts";
import { connect, type Connection, CONNECTION_OPTIONS } from "../connection.ts";
import { copyStream, type CopyOutcome } from "../migrating/copy-stream.ts";
import type { CopiedStream } from "../migrating/lease-items.ts";
import { copyLeaseTable } from "../migrating/lease-tables.ts";
import { writeMapFiles } from "../migrating/map-files.ts";
import { openSource, withOptions } from "../migrating/open-source.ts";
import { describeSource, type SourceStream } from "../migrating/source.ts";
import { type Target, targetAt } from "../migrating/target.ts";
import { formatBytes, formatCount } from "../output/units.ts";
import { pollingSource } from "../reading/shard-sources.ts";
import type { World } from "../world.ts";
import { printLines, waitForStream } from "./stream-shared.ts";

export const migrate: Command = {
  name: "migrate",
  summary: "Copy streams from another server, a data directory or AWS into a Millrace server",
  description:
    "Records keep their sequence numbers and arrival times, shards their ids, ranges and lineage, so consumers go on from their checkpoints. A stream whose numbers cannot be kept is refused, or gets new ones with --renumber. The target must run with --allow-import, and this command on the same machine. It may be ended at any point: run again, it goes on where it was. Until --finish nobody reads or writes the copies.",
  arguments: [],
  options: [
    {
      name: "from",
      value: "URL|DIRECTORY",
      description:
        "The server to copy from, or the data directory of one that is stopped; `aws` or `aws://REGION` for AWS",
    },
    { name: "to", value: "URL", description: "The server to copy to, on this machine" },
    { name: "stream", value: "NAME", description: "A stream to copy", repeatable: true },
    { name: "all", description: "All streams of the account and region" },
    {
      name: "finish",
      description: "Open the copies when everything is there: nothing may be put at the source any more",
    },
    {
      name: "account",
      value: "ID",
      description: "Account that owns the copies",
      default: "that of the credentials at the target",
    },
    {
      name: "renumber",
      description:
        "Give records new numbers where those that they have cannot be kept, and write a map from old to new when the copy is opened",
    },
    {
      name: "map",
      value: "DIRECTORY",
      description:
        "With --renumber: where to write millrace-migration-STREAM/SHARD.csv, a line for each record (default: here)",
    },
    {
      name: "lease-table",
      value: "NAME",
      description:
        "With --finish: copy this table of leases, the KCL's or ours, into the target's tables, with new numbers if there are any",
      repeatable: true,
    },
    {
      name: "lease-endpoint",
      value: "URL",
      description: "Where lease tables are; `aws` for DynamoDB in the region (default: the source)",
    },
    ...CONNECTION_OPTIONS.filter(({ name }) => name !== "endpoint"),
  ],
  examples: [
    [
      "millrace migrate --from http://10.0.0.7:4566 --to http://127.0.0.1:4566 --all",
      "copy, and again whenever you like, to catch up",
    ],
    [
      "millrace migrate --from aws://eu-west-1 --to http://127.0.0.1:4566 --stream orders --finish",
      "when nothing is put any more: the rest, then open the copy",
    ],
    [
      "millrace migrate --from http://10.0.0.8:4567 --to http://127.0.0.1:4566 --stream orders --finish --renumber --lease-table orders-app",
      "the same from a server with numbers of its own kind, with the checkpoints of an application",
    ],
  ],
  async run(world, invocation) {
    const [from, to] = [textOf(invocation, "from"), textOf(invocation, "to")];
    if (from === undefined || to === undefined) {
      throw new UsageError("--from and --to say where streams are copied from and to", "migrate");
    }
    requireCompany(invocation);
    const region = /^aws:\/\/([a-z0-9-]+)$/.exec(from)?.[1];
    // Copies are in the region that the streams are in.
    const asked = region === undefined ? invocation : withOptions(invocation, { region: [region] });
    const target = await connect(world, withOptions(asked, { endpoint: [to] }));
    const owner = ownerAt(world, target, asked);
    const fromEndpoint = region === undefined ? from : "aws";
    const { source, close } = await openSource(world, asked, fromEndpoint);
    try {
      const tables = textsOf(asked, "lease-table");
      const names = await streamsToCopy(source, asked);
      const copies: StreamCopy[] = [];
      for (const name of names) {
        const copy = await copyOne(world, { source, target, owner, name }, asked);
        copies.push(copy);
        if (tables.length === 0) await openCopy(world, target, copy, asked);
      }
      if (tables.length === 0) return 0;
      // A table may have leases of all of them, and whoever goes on from it should find them when a stream opens.
      const lease = await leaseEndpoint(world, asked, source, fromEndpoint);
      for (const tableName of tables) {
        await migrateTable(world, tableName, lease, target, copies.map(leasedStream));
      }
      for (const copy of copies) await openCopy(world, target, copy, asked);
    } finally {
      await close();
    }
    return 0;
  },
};

/** Options that say nothing without another. @throws {UsageError} */
function requireCompany(invocation: Invocation): void {
  for (const [name, other, why] of [
    ["map", "renumber", "there is a map only of numbers that are not kept"],
    ["lease-table", "finish", "until then checkpoints go on at the source"],
    ["lease-endpoint", "lease-table", "it says where that is"],
  ] as const) {
    if (isSet(invocation, name) && !isSet(invocation, other)) {
      throw new UsageError(`--${name} goes with --${other}: ${why}`, "migrate");
    }
  }
}

interface Way {
  readonly source: Connection;
  readonly target: Connection;
  readonly owner: { readonly accountId: string; readonly region: string };
  readonly name: string;
}

/** A stream that is copied as far as it was asked for, and not open. */
interface StreamCopy {
  readonly name: string;
  readonly accountId: string;
  readonly described: SourceStream;
  readonly to: Target;
  readonly outcome: CopyOutcome;
}

async function copyOne(
  world: World,
  { source, target, owner, name }: Way,
  invocation: Invocation,
): Promise<StreamCopy> {
  const { kinesis, tellWait } = source;
  const described = await describeSource(kinesis, name);
  const to = targetAt(target, { ...owner, stream: name, source: described.identity });
  const renumber = isSet(invocation, "renumber");
  const outcome = await copyStream(
    {
      world,
      streamName: name,
      kinesis,
      source: described,
      read: pollingSource(kinesis, name, world.clock, tellWait),
      target: to,
      renumber,
    },
    isSet(invocation, "finish"),
  );
  await requireVisible(target, owner, name);
  const { wasFinished, copiedRecords, copiedBytes, comparedRecords, shardIds } = outcome;
  printLines(world, [
    wasFinished
      ? `${name} was copied and opened before`
      : `${name}: ${formatCount(copiedRecords)} records (${formatBytes(copiedBytes)}) were copied into ${shardIds.length} shards, ` +
        `${formatCount(comparedRecords)} were compared and are the same`,
  ]);
  if (renumber) await tellNumbers(world, name, to, outcome, invocation);
  return { name, accountId: owner.accountId, described, to, outcome };
}

/** Says what became of a stream's numbers; when the copy is to be opened with new ones, writes the map. */
async function tellNumbers(
  world: World,
  name: string,
  target: Target,
  { isRenumbered, wasFinished, shardIds }: CopyOutcome,
  invocation: Invocation,
): Promise<void> {
  if (!isRenumbered) {
    printLines(world, [`${name}: sequence numbers are kept`]);
    return;
  }
  if (!isSet(invocation, "finish") && !wasFinished) {
    printLines(world, [`${name}: records have new sequence numbers`]);
    return;
  }
  const directory = join(textOf(invocation, "map") ?? ".", `millrace-migration-${name}`);
  const { numberCount, keptFileCount } = await writeMapFiles(world, {
    streamName: name,
    shardIds,
    target,
    directory,
    keepFiles: wasFinished,
  });
  const kept = keptFileCount === 0 ? "" : `; ${keptFileCount} files were there already`;
  printLines(world, [
    `${name}: records have new sequence numbers, ${formatCount(numberCount)} are in the map in ${directory}${kept}`,
  ]);
}

async function openCopy(
  world: World,
  target: Connection,
  { name, described, outcome }: StreamCopy,
  invocation: Invocation,
): Promise<void> {
  if (outcome.wasFinished) return;
  if (!isSet(invocation, "finish")) {
    printLines(world, [`${name} is not open yet: run this again with --finish when nothing is put any more`]);
    return;
  }
  await outcome.open();
  await waitForStream(world, target, name, "ACTIVE", `opening ${name}`);
  await registerConsumers(target, name, described.consumerNames);
  printLines(world, [`${name} is open`]);
  if (described.consumerNames.length > 0) {
    printLines(world, [
      `${name}: ${described.consumerNames.join(", ")} were registered; their ARNs are new, because they tell when that was`,
    ]);
  }
}

/** The tables of whoever has the leases, and its name. */
async function leaseEndpoint(
  world: World,
  invocation: Invocation,
  source: Connection,
  from: string,
): Promise<{ readonly dynamo: DynamoClient; readonly name: string }> {
  const named = textOf(invocation, "lease-endpoint") ?? (from === "aws" ? "aws" : undefined);
  if (named === undefined) return { dynamo: source.dynamo, name: from };
  // AWS has its tables at another address than its streams.
  const endpoint = named === "aws" ? `https://dynamodb.${source.region}.amazonaws.com` : named;
  const { dynamo } = await connect(world, withOptions(invocation, { endpoint: [endpoint] }));
  return { dynamo, name: endpoint };
}

function leasedStream({ name, accountId, described, to, outcome }: StreamCopy): CopiedStream {
  return {
    streamName: name,
    sourceArn: described.streamArn,
    accountId,
    createdMs: described.settings.createdMs,
    shardIds: new Set(outcome.shardIds),
    isRenumbered: outcome.isRenumbered,
    target: to,
  };
}

async function migrateTable(
  world: World,
  tableName: string,
  { dynamo, name }: { readonly dynamo: DynamoClient; readonly name: string },
  target: Connection,
  streams: readonly CopiedStream[],
): Promise<void> {
  const { leaseCount, translatedCount, foundCount, others } = await copyLeaseTable(
    world,
    { tableName, source: dynamo, sourceName: name, target: target.dynamo },
    streams,
  );
  const parts = [`${formatCount(leaseCount)} leases are in the table at the target`];
  if (translatedCount > 0) parts.push(`${formatCount(translatedCount)} with new numbers`);
  if (foundCount > 0) parts.push(`${formatCount(foundCount)} were there already`);
  printLines(world, [`${tableName}: ${parts.join(", ")}`]);
  if (others.size > 0) {
    const kinds = [...others]
      .map(([kind, count]) => `${kind} ${formatCount(count)}`)
      .toSorted()
      .join(", ");
    printLines(world, [`${tableName}: what is no lease was not copied, workers write it anew: ${kinds}`]);
  }
}

async function streamsToCopy({ kinesis }: Connection, invocation: Invocation): Promise<readonly string[]> {
  const named = textsOf(invocation, "stream");
  if (named.length > 0 === isSet(invocation, "all")) {
    throw new UsageError("--stream NAME says which streams are copied, or --all that all are", "migrate");
  }
  if (named.length > 0) return named;
  const names: string[] = [];
  for (;;) {
    const last = names.at(-1);
    const page = await kinesis.listStreams(last === undefined ? {} : { ExclusiveStartStreamName: last });
    names.push(...page.StreamNames);
    if (!page.HasMoreStreams || page.StreamNames.length === 0) return names;
  }
}

/** Registers consumers that are not there yet; what is there already may be from a run that was ended. */
async function registerConsumers(
  { kinesis }: Connection,
  streamName: string,
  names: readonly string[],
): Promise<void> {
  const { StreamDescriptionSummary } = await kinesis.describeStreamSummary({ StreamName: streamName });
  for (const ConsumerName of names) {
    await kinesis
      .registerStreamConsumer({ StreamARN: StreamDescriptionSummary.StreamARN, ConsumerName })
      .catch((failure: unknown) => {
        if (!(failure instanceof ServiceError) || failure.code !== "ResourceInUseException") throw failure;
      });
  }
}

/** The owner that requests with these credentials act for at a Millrace server. */
function ownerAt({ environment }: World, { region }: Connection, invocation: Invocation): Way["owner"] {
  const keyId = environment["AWS_ACCESS_KEY_ID"] ?? "";
  const isSigned = keyId !== "" && (environment["AWS_SECRET_ACCESS_KEY"] ?? "") !== "";
  const accountId = textOf(invocation, "account") ?? (/^\d{12}$/.test(keyId) ? keyId : "000000000000");
  if (!/^\d{12}$/.test(accountId)) {
    throw new UsageError(`--account ${accountId}: expected an account id, twelve digits`, "migrate");
  }
  // Whoever does not sign is taken to be in this region.
  return { accountId, region: isSigned ? region : "us-east-1" };
}

/** A copy that the same credentials do not see would be looked for in vain. */
async function requireVisible(
  { kinesis }: Connection,
  { accountId }: Way["owner"],
  name: string,
): Promise<void> {
  const found = await kinesis.describeStreamSummary({ StreamName: name }).catch((failure: unknown) => {
    if (failure instanceof ServiceError && failure.code === "ResourceNotFoundException") return undefined;
    throw failure;
  });
  if (found?.StreamDescriptionSummary.StreamARN.includes(`:${accountId}:`) === true) return;
  throw new CommandFailure(
    `${name} was copied into account ${accountId}, which these credentials do not see at the target; --account names theirs`,
  );
}
