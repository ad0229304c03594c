import {
  type ClusterAddress,
  clusterChecks,
  clusterGateways,
  ClusterRefusedError,
  clusterStreams,
  connectCluster,
} from "@millrace/server";
import type { Invocation } from "../arguments/command.ts";
import { isSet } from "../arguments/values.ts";
import { type Command, CommandFailure } from "../command.ts";
import { formatTable } from "../output/table.ts";
import { formatBytes, formatCount } from "../output/units.ts";
import { gatherSettings, SERVE_OPTIONS, type Settings } from "../serving/settings.ts";
import type { World } from "../world.ts";
import { JSON_OPTION, printJson, printLines } from "./stream-shared.ts";

/** As `serve` takes them, so that what a server will find can be looked at with its own settings. */
const CLUSTER_OPTIONS = SERVE_OPTIONS.filter(({ name }) => name.startsWith("nats") || name === "config").map(
  ({ group: _group, ...option }) => option,
);

type Cluster = Awaited<ReturnType<typeof connectCluster>>;

export const clusterCheck: Command = {
  name: "cluster check",
  summary: "Say whether a cluster keeps what Millrace promises",
  description:
    "Checks what a server checks before it starts with --engine jetstream: versions, syncing, zones, payload size and clocks. Changes nothing. Ends with code 1 when a server would refuse to start.",
  arguments: [],
  options: [...CLUSTER_OPTIONS, JSON_OPTION],
  examples: [
    [
      "millrace cluster check --nats nats://10.0.1.4:4222 --nats-user millrace --nats-system-user system",
      "passwords in MILLRACE_NATS_PASSWORD and MILLRACE_NATS_SYSTEM_PASSWORD",
    ],
  ],
  async run(world, invocation) {
    return withCluster(world, invocation, async (cluster) => {
      const checks = await clusterChecks(cluster);
      if (isSet(invocation, "json")) printJson(world, checks);
      else {
        const rows = checks.map(({ name, kind, found, wanted }) => [name, kind, found, wanted]);
        const remedies = checks.flatMap(({ name, remedy }) =>
          remedy === undefined ? [] : [`${name}: ${remedy}`],
        );
        printLines(world, [
          ...formatTable(["CHECK", "RESULT", "FOUND", "WANTED"], rows),
          ...(remedies.length === 0 ? [] : ["", "To do:", ...remedies.map((remedy) => `  ${remedy}`)]),
        ]);
      }
      return checks.some(({ kind }) => kind === "refusal") ? 1 : 0;
    });
  },
};

export const clusterStatus: Command = {
  name: "cluster status",
  summary: "Show a cluster's servers and gateways, and the streams in which records lie",
  description:
    "Changes nothing. A replica that is behind or away is named. Gateways are those that are heard within a second and a half, each with the log groups that it writes.",
  arguments: [],
  options: [...CLUSTER_OPTIONS, JSON_OPTION],
  examples: [
    [
      "millrace cluster status --nats nats://10.0.1.4:4222 --nats-user millrace --nats-system-user system",
      "servers, gateways and what they own, streams, leaders, replicas",
    ],
  ],
  async run(world, invocation) {
    return withCluster(world, invocation, async (cluster, { natsPrefix }) => {
      const answered = await cluster.describeServers();
      const servers = answered.kind === "servers" ? answered.servers : [];
      const streams = await clusterStreams(cluster, natsPrefix);
      const gateways = await clusterGateways(cluster, world.clock, natsPrefix, streams);
      if (isSet(invocation, "json")) {
        printJson(world, { servers, gateways, streams });
        return 0;
      }
      printLines(world, [
        ...formatTable(
          ["SERVER", "VERSION", "TAGS", "STORED", "STREAMS", "CLOCK"],
          servers.map(({ name, version, tags, jetStream, clockAheadMs }) => [
            name,
            version,
            tags.join(" "),
            formatBytes(jetStream?.storedBytes ?? 0),
            formatCount(jetStream?.replicatedAssetCount ?? 0),
            `${clockAheadMs < 0 ? "" : "+"}${Math.round(clockAheadMs)} ms`,
          ]),
        ),
        "",
        ...(gateways.length === 0
          ? ["No gateway is there: no server runs with --engine jetstream on this cluster."]
          : formatTable(
              ["GATEWAY", "VERSION", "SINCE", "WRITES"],
              gateways.map(({ name, version, sinceMs, groups }) => [
                name,
                version,
                new Date(sinceMs).toISOString(),
                groups.length === 0 ? "nothing yet" : groupsText(groups),
              ]),
            )),
        "",
        ...formatTable(
          ["STREAM", "LEADER", "REPLICAS", "MESSAGES", "STORED"],
          streams.map(({ settings, leader, followers, messageCount, storedBytes }) => [
            settings.name,
            leader,
            followers
              .map(({ server, isOffline, isCurrent, lagOperations }) =>
                isOffline
                  ? `${server} (away)`
                  : isCurrent
                    ? server
                    : `${server} (${formatCount(lagOperations)} behind)`,
              )
              .join(" "),
            formatCount(messageCount),
            formatBytes(storedBytes),
          ]),
        ),
      ]);
      return 0;
    });
  },
};

/** Groups by number, neighbours together: `g1–g3 g7`. */
function groupsText(groups: readonly number[]): string {
  const spans: [from: number, to: number][] = [];
  for (const group of groups) {
    const last = spans.at(-1);
    if (last !== undefined && last[1] === group - 1) last[1] = group;
    else spans.push([group, group]);
  }
  return spans.map(([from, to]) => (from === to ? `g${from}` : `g${from}–g${to}`)).join(" ");
}

async function withCluster(
  world: World,
  invocation: Invocation,
  use: (cluster: Cluster, settings: Settings) => Promise<number>,
): Promise<number> {
  const { environment, readFile } = world;
  const settings = await gatherSettings({
    invocation: { ...invocation, options: { ...invocation.options, engine: ["jetstream"] } },
    environment,
    readFile,
  });
  const address: ClusterAddress = settings;
  try {
    const cluster = await connectCluster(world.clock, address);
    try {
      return await use(cluster, settings);
    } finally {
      await cluster.close();
    }
  } catch (error) {
    throw error instanceof ClusterRefusedError ? new CommandFailure(error.message) : error;
  }
}
