import { ServiceError } from "@millrace/api";
import { inProcessTransport } from "@millrace/client";
import { ClockBehindError, createServer, DamagedDataError } from "@millrace/server";
import type { Invocation } from "../arguments/command.ts";
import { isSet, textOf, textsOf } from "../arguments/values.ts";
import { UsageError } from "../arguments/usage-error.ts";
import { type Command, CommandFailure } from "../command.ts";
import { connect, type Connection, CONNECTION_OPTIONS } from "../connection.ts";
import { copyStream } from "../migrating/copy-stream.ts";
import { describeSource } from "../migrating/source.ts";
import { targetAt } from "../migrating/target.ts";
import { formatBytes, formatCount } from "../output/units.ts";
import { pollingSource } from "../reading/shard-sources.ts";
import type { World } from "../world.ts";
import { explained, mustExist } from "./data-shared.ts";
import { printLines, waitForStream } from "./stream-shared.ts";

export const migrate: Command = {
  name: "migrate",
  summary: "Copy streams from another server, a data directory or AWS into a Millrace server",
  description:
    "Records keep their sequence numbers and arrival times, shards their ids, ranges and lineage, so consumers go on from their checkpoints. The target must run with --allow-import, and this command on the same machine. It may be ended at any point: run again, it goes on where it was. Until --finish nobody reads or writes the copies.",
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
  ],
  async run(world, invocation) {
    const [from, to] = [textOf(invocation, "from"), textOf(invocation, "to")];
    if (from === undefined || to === undefined) {
      throw new UsageError("--from and --to say where streams are copied from and to", "migrate");
    }
    const region = /^aws:\/\/([a-z0-9-]+)$/.exec(from)?.[1];
    // Copies are in the region that the streams are in.
    const asked = region === undefined ? invocation : withOptions(invocation, { region: [region] });
    const target = await connect(world, withOptions(asked, { endpoint: [to] }));
    const owner = ownerAt(world, target, asked);
    const { source, close } = await openSource(world, asked, region === undefined ? from : "aws");
    try {
      const names = await streamsToCopy(source, asked);
      for (const name of names) await migrateStream(world, { source, target, owner, name }, asked);
    } finally {
      await close();
    }
    return 0;
  },
};

interface Way {
  readonly source: Connection;
  readonly target: Connection;
  readonly owner: { readonly accountId: string; readonly region: string };
  readonly name: string;
}

async function migrateStream(
  world: World,
  { source, target, owner, name }: Way,
  invocation: Invocation,
): Promise<void> {
  const { kinesis, tellWait } = source;
  const described = await describeSource(kinesis, name);
  const finish = isSet(invocation, "finish");
  const outcome = await copyStream(
    {
      world,
      streamName: name,
      kinesis,
      source: described,
      read: pollingSource(kinesis, name, world.clock, tellWait),
      target: targetAt(target, { ...owner, stream: name, source: described.identity }),
    },
    finish,
  );
  await requireVisible(target, owner, name);
  if (outcome.wasFinished) {
    printLines(world, [`${name} was copied and opened before`]);
    return;
  }
  const { copiedRecords, copiedBytes, comparedRecords, shardCount } = outcome;
  printLines(world, [
    `${name}: ${formatCount(copiedRecords)} records (${formatBytes(copiedBytes)}) were copied into ${shardCount} shards, ` +
      `${formatCount(comparedRecords)} were compared and are the same`,
  ]);
  if (!finish) {
    printLines(world, [`${name} is not open yet: run this again with --finish when nothing is put any more`]);
    return;
  }
  await waitForStream(world, target, name, "ACTIVE", `opening ${name}`);
  await registerConsumers(target, name, described.consumerNames);
  printLines(world, [`${name} is open`]);
  if (described.consumerNames.length > 0) {
    printLines(world, [
      `${name}: ${described.consumerNames.join(", ")} were registered; their ARNs are new, because they tell when that was`,
    ]);
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

interface OpenedSource {
  readonly source: Connection;
  readonly close: () => Promise<void>;
}

async function openSource(world: World, invocation: Invocation, from: string): Promise<OpenedSource> {
  if (from === "aws" || from.includes("://")) {
    return reached(await connect(world, withOptions(invocation, { endpoint: [from] })));
  }
  return openDirectory(world, invocation, from);
}

function reached(source: Connection): OpenedSource {
  return { source, close: () => Promise.resolve() };
}

/** A stopped server's data, served to nobody else: without limits, and without a port. */
async function openDirectory(world: World, invocation: Invocation, dataDir: string): Promise<OpenedSource> {
  await mustExist(world, dataDir, ", and no URL of a server either");
  const runtime = world.runtime({ logLevel: "warn" });
  const server = await explained(createServer(runtime, { dataDir, limits: "off" })).catch(
    (failure: unknown) => {
      const isAnswer = failure instanceof DamagedDataError || failure instanceof ClockBehindError;
      throw isAnswer ? new CommandFailure(failure.message) : failure;
    },
  );
  const inside: World = { ...world, transportTo: () => inProcessTransport(server.service) };
  const source = await connect(inside, withOptions(invocation, { endpoint: ["http://localhost"] }));
  return { source, close: () => server.close() };
}

function withOptions(invocation: Invocation, options: Invocation["options"]): Invocation {
  return { ...invocation, options: { ...invocation.options, ...options } };
}
