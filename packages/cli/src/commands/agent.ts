import { hostname } from "node:os";
import {
  type Agent,
  type AgentConfig,
  AgentConfigError,
  AgentRunningError,
  CheckpointError,
  type FlowStatus,
  readAgentConfig,
  readAgentStatus,
  startAgent,
} from "@millrace/agent";
import type { Invocation, OptionSpec } from "../arguments/command.ts";
import { isSet, textOf, textsOf } from "../arguments/values.ts";
import { type Command, CommandFailure } from "../command.ts";
import { connect, CONNECTION_OPTIONS } from "../connection.ts";
import { progressOn } from "../output/progress.ts";
import { formatTable } from "../output/table.ts";
import { formatBytes, formatCount, formatTime } from "../output/units.ts";
import type { World } from "../world.ts";

const DEFAULT_CONFIG = "/etc/aws-kinesis/agent.json";
const DEFAULT_STATE = ".millrace-agent";
/** Where a person is looking, the line of progress is new so often. */
const SHOWN_INTERVAL_MS = 1_000;

const FILE_OPTIONS: readonly OptionSpec[] = [
  {
    name: "config",
    value: "FILE",
    description: "The agent.json, as the Kinesis Agent reads it",
    default: DEFAULT_CONFIG,
  },
  {
    name: "state",
    value: "DIR",
    description: "Where checkpoints are kept; one agent at a time uses it",
    default: `checkpointFile of the file, with .millrace behind it, or ./${DEFAULT_STATE}`,
  },
  {
    name: "skip",
    value: "NAME",
    repeatable: true,
    description: "Go on without this option of the file, which the agent cannot honour",
  },
];

export const agentRun: Command = {
  name: "agent run",
  summary: "Tail files into streams, as the Kinesis Agent does",
  description:
    "Reads an agent.json as it is. Every line is put at least once, over crashes, rotations (rename, copytruncate, compress) and outages. Options that cannot be honoured are named with the reason, and nothing is started then. Ctrl-C and SIGTERM wait for what is under way, keep how far it came, and end with code 0.\nCredentials come from the environment or the file. Where to: --endpoint, the environment, then kinesis.endpoint of the file.",
  arguments: [],
  options: [
    ...FILE_OPTIONS,
    {
      name: "unlimited",
      description:
        "Put as fast as the server takes it, instead of at most 1 MiB/s and 1,000 records/s per shard",
    },
    // What the Kinesis Agent speaks, and at half the price of texts.
    ...CONNECTION_OPTIONS.map((option) =>
      option.name === "protocol" ? { ...option, default: "cbor" } : option,
    ),
  ],
  examples: [
    ["millrace agent run --config agent.json", "to a server on this machine"],
    ["millrace agent run --config agent.json --skip cloudwatch.emitMetrics", "a file as AWS ships it"],
    ["millrace agent run --config agent.json --endpoint aws --region eu-west-1", "to AWS"],
  ],
  async run(world, invocation) {
    const config = await configOf(world, invocation);
    const { files, log } = world.runtime();
    const { kinesis, endpoint } = await connect(withConfig(world, config), invocation, "cbor");
    const directory = stateDirectory(invocation, config);
    const agent = await started(() =>
      startAgent({
        config,
        ...{ files, log, directory },
        clock: world.clock,
        random: world.random,
        client: kinesis,
        hostName: hostname(),
        shardRateShare: isSet(invocation, "unlimited") ? Infinity : 1,
      }),
    );
    for (const { filePattern, stream } of config.flows) {
      world.errors.write(`${filePattern} goes to ${stream} at ${endpoint.origin}\n`);
    }
    const stopReporting = report(world, config, agent);
    await untilAborted(world.interrupted);
    stopReporting();
    await agent.stop();
    await kinesis.close();
    world.errors.write(`${storedLine(agent)}; how far it came is kept in ${directory}\n`);
    return 0;
  },
};

export const agentStatus: Command = {
  name: "agent status",
  summary: "Show how far the agent is with each file",
  description:
    "From what the agent keeps in its directory, whether it runs or not: of each file how far it is stored, how much is not, how many records that was, how many lines their format did not take (left out) and how many records the service refused.",
  arguments: [],
  options: FILE_OPTIONS,
  examples: [["millrace agent status --config agent.json", "of the agent with this file"]],
  async run(world, invocation) {
    const isNamed = textOf(invocation, "state") !== undefined;
    const config = isNamed ? undefined : await configOf(world, invocation);
    const directory = stateDirectory(invocation, config);
    const status = await started(() => readAgentStatus(world.runtime().files, directory));
    if (status === undefined) throw new CommandFailure(`no agent has run with ${directory} yet`);
    const lines = [
      `the agent ${status.isRunning ? "is running" : "is not running"}; this was kept at ${formatTime(status.savedMs)}`,
      ...status.flows.flatMap(flowLines),
    ];
    world.output.write(`${lines.join("\n")}\n`);
    return 0;
  },
};

function flowLines({ filePattern, stream, files, lastFailure }: FlowStatus): string[] {
  const rows = files.map((file) => [
    file.path,
    file.state,
    formatBytes(file.positionBytes),
    file.sizeBytes === undefined ? "" : formatBytes(file.sizeBytes),
    file.lagBytes === undefined ? "" : formatBytes(file.lagBytes),
    formatCount(file.storedCount),
    formatCount(file.leftOutCount),
    formatCount(file.refusedCount),
  ]);
  const header = ["FILE", "STATE", "POSITION", "SIZE", "LAG", "RECORDS", "LEFT OUT", "REFUSED"];
  return [
    "",
    `${filePattern} to ${stream}`,
    ...(rows.length === 0 ? ["no file yet"] : formatTable(header, rows)),
    ...(lastFailure === undefined
      ? []
      : [`last failure, at ${formatTime(lastFailure.atMs)}: ${lastFailure.message}`]),
  ];
}

async function configOf(world: World, invocation: Invocation): Promise<AgentConfig> {
  const path = textOf(invocation, "config") ?? DEFAULT_CONFIG;
  const text = await world.readFile(path);
  try {
    return readAgentConfig(text, textsOf(invocation, "skip"));
  } catch (failure) {
    if (!(failure instanceof AgentConfigError)) throw failure;
    throw new CommandFailure(
      [
        `${path} cannot be honoured as it is:`,
        ...failure.problems.map((problem) => `  ${problem}`),
        "--skip NAME goes on without an option.",
      ].join("\n"),
      { cause: failure },
    );
  }
}

/** Endpoint and credentials of the file stand behind those of the environment. */
function withConfig(world: World, { endpoint, accessKeyId, secretAccessKey }: AgentConfig): World {
  const { environment } = world;
  const hasEndpoint = ["MILLRACE_ENDPOINT", "AWS_ENDPOINT_URL_KINESIS", "AWS_ENDPOINT_URL"].some(
    (name) => (environment[name] ?? "") !== "",
  );
  const hasKeys = (environment["AWS_ACCESS_KEY_ID"] ?? "") !== "";
  // The Kinesis Agent takes a host as well as a URL.
  const url = endpoint === undefined || endpoint.includes("://") ? endpoint : `https://${endpoint}`;
  return {
    ...world,
    environment: {
      ...environment,
      ...(hasEndpoint || url === undefined ? {} : { MILLRACE_ENDPOINT: url }),
      ...(hasKeys || accessKeyId === undefined
        ? {}
        : { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey }),
    },
  };
}

function stateDirectory(invocation: Invocation, config: AgentConfig | undefined): string {
  const named = textOf(invocation, "state");
  if (named !== undefined) return named;
  // The Kinesis Agent's own file is a database that is left alone.
  return config?.checkpointFile === undefined ? DEFAULT_STATE : `${config.checkpointFile}.millrace`;
}

/** What keeps it from starting is told in words. */
async function started<Result>(start: () => Promise<Result>): Promise<Result> {
  try {
    return await start();
  } catch (failure) {
    if (failure instanceof AgentRunningError || failure instanceof CheckpointError) {
      throw new CommandFailure(failure.message, { cause: failure });
    }
    throw failure;
  }
}

/** A line that is written over where a person is looking, and one now and then elsewhere. */
function report(world: World, config: AgentConfig, agent: Agent): () => void {
  const { clock, errors } = world;
  const progress = progressOn(errors);
  const intervalMs = errors.isTerminal ? SHOWN_INTERVAL_MS : config.reportIntervalMs;
  const tell = () => {
    if (errors.isTerminal) progress.show(storedLine(agent));
    else errors.write(`${storedLine(agent)}\n`);
    timer = clock.schedule(intervalMs, tell);
  };
  let timer = clock.schedule(intervalMs, tell);
  return () => {
    timer.cancel();
    progress.clear();
  };
}

function storedLine({ storedCount, storedBytes }: Agent): string {
  return `${formatCount(storedCount)} ${storedCount === 1 ? "record" : "records"} stored, ${formatBytes(storedBytes)}`;
}

function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
