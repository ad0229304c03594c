/**
 * Whether a cluster keeps what Millrace promises, as data: a gateway refuses to start on a refusal, and `cluster check` prints
 * all of them. They are made from what the servers say of themselves, so a server that does not answer can neither pass nor
 * fail: that is a warning, because a gateway has to start while one zone is away.
 */
import type { ServerDescription, ServersOutcome } from "./broker/broker.ts";

export interface ClusterCheck {
  readonly name: "servers" | "version" | "sync" | "zones" | "payload" | "clocks";
  readonly kind: "ok" | "warning" | "refusal";
  readonly found: string;
  readonly wanted: string;
  /** What to do about it; undefined when it is `ok`. */
  readonly remedy?: string;
}

/** Since which all fixes of Raft that the proof of the append protocol rests on are in. */
export const SERVER_VERSION_MIN = "2.15.1";
export const REPLICAS = 3;
/** A part of a large record is a mebibyte; the rest is for its envelope. */
export const MAX_PAYLOAD_BYTES_MIN = 2 * 1024 * 1024;
export const ZONE_TAG = "az:";
/** Arrival times come from gateways' clocks, so this is how far apart entries of two gateways may be. */
export const CLOCK_SKEW_MS_MAX = 1_000;

export function checkCluster(outcome: ServersOutcome): readonly ClusterCheck[] {
  if (outcome.kind === "unavailable") {
    return [
      {
        name: "servers",
        kind: "refusal",
        found: outcome.reason,
        wanted: "every server of the cluster describes itself",
        remedy: "give the gateway a user of the system account, and see that the servers run",
      },
    ];
  }
  const servers = outcome.servers.filter(({ jetStream }) => jetStream !== undefined);
  const silentCount = Math.max(0, (outcome.expectedCount ?? servers.length) - servers.length);
  return [
    checkServers(servers, silentCount),
    checkVersions(servers),
    checkSync(servers),
    checkZones(servers, silentCount),
    checkPayload(servers),
    checkClocks(servers),
  ];
}

/** Why a gateway must not start, one sentence for each refusal; empty when it may. */
export function refusalsOf(checks: readonly ClusterCheck[]): readonly string[] {
  return checks
    .filter(({ kind }) => kind === "refusal")
    .map(({ found, wanted, remedy = "" }) => `${found}; wanted: ${wanted}. To do: ${remedy}.`);
}

function checkServers(servers: readonly ServerDescription[], silentCount: number): ClusterCheck {
  const wanted = `at least ${REPLICAS} servers with JetStream, of which all answer`;
  const allCount = servers.length + silentCount;
  const found = `${servers.length} of ${allCount} servers with JetStream answered`;
  if (allCount < REPLICAS) {
    const remedy = `run ${REPLICAS} servers in one cluster, each in a zone of its own`;
    return { name: "servers", kind: "refusal", found, wanted, remedy };
  }
  if (silentCount === 0) return { name: "servers", kind: "ok", found, wanted };
  const remedy = "start the others; until then they are not checked, and one more failure stops the cluster";
  // Without a majority nothing is stored at all.
  return {
    name: "servers",
    kind: servers.length * 2 > allCount ? "warning" : "refusal",
    found,
    wanted,
    remedy,
  };
}

function checkVersions(servers: readonly ServerDescription[]): ClusterCheck {
  const tooOld = servers.filter(({ version }) => !isAtLeast(version, SERVER_VERSION_MIN));
  return checkEach("version", servers, tooOld, {
    wanted: `nats-server ${SERVER_VERSION_MIN} or newer`,
    foundOf: ({ version }) => version,
    remedyFor: (names) => `upgrade ${names}, one server at a time, with lame duck mode before each stop`,
  });
}

function checkSync(servers: readonly ServerDescription[]): ClusterCheck {
  const lazy = servers.filter(({ jetStream }) => jetStream?.syncsAlways !== true);
  return checkEach("sync", servers, lazy, {
    wanted: "sync_interval: always, so that what was acknowledged survives a power cut of all zones",
    foundOf: ({ jetStream }) => (jetStream?.syncsAlways === true ? "always" : "at intervals"),
    remedyFor: (names) => `set sync_interval: always in the jetstream block of ${names}, and restart it`,
  });
}

function checkZones(servers: readonly ServerDescription[], silentCount: number): ClusterCheck {
  const wanted = `one tag ${ZONE_TAG}… on each server, ${REPLICAS} different ones, and unique_tag: "${ZONE_TAG}"`;
  const zoneOf = ({ tags }: ServerDescription): string =>
    tags.filter((tag) => tag.startsWith(ZONE_TAG)).join(" and ") || "no zone";
  const found = servers.map((server) => `${server.name}: ${zoneOf(server)}`).join(", ");
  const refusal = (remedy: string): ClusterCheck => ({
    name: "zones",
    kind: "refusal",
    found,
    wanted,
    remedy,
  });
  const unclear = servers.filter(({ tags }) => tags.filter((tag) => tag.startsWith(ZONE_TAG)).length !== 1);
  if (unclear.length > 0)
    return refusal(`give ${namesOf(unclear)} one server tag that begins with ${ZONE_TAG}`);
  const unplaced = servers.filter(({ jetStream }) => jetStream?.uniqueTag !== ZONE_TAG);
  if (unplaced.length > 0)
    return refusal(`set unique_tag: "${ZONE_TAG}" in the jetstream block of ${namesOf(unplaced)}`);
  const zoneCount = new Set(servers.map(zoneOf)).size;
  if (zoneCount >= REPLICAS) return { name: "zones", kind: "ok", found, wanted };
  const remedy = `run servers in ${REPLICAS} zones, and tag each with its own`;
  if (zoneCount + silentCount < REPLICAS) return refusal(remedy);
  return { name: "zones", kind: "warning", found, wanted, remedy: "start the servers that did not answer" };
}

function checkPayload(servers: readonly ServerDescription[]): ClusterCheck {
  const small = servers.filter(({ maxPayloadBytes }) => maxPayloadBytes < MAX_PAYLOAD_BYTES_MIN);
  return checkEach("payload", servers, small, {
    wanted: `max_payload of ${MAX_PAYLOAD_BYTES_MIN} bytes or more`,
    foundOf: ({ maxPayloadBytes }) => String(maxPayloadBytes),
    remedyFor: (names) => `set max_payload: 2MB on ${names}`,
  });
}

function checkClocks(servers: readonly ServerDescription[]): ClusterCheck {
  const away = servers.filter(
    ({ clockAheadMs, clockUncertaintyMs }) =>
      !(Math.abs(clockAheadMs) - clockUncertaintyMs <= CLOCK_SKEW_MS_MAX),
  );
  return checkEach("clocks", servers, away, {
    wanted: `clocks within ${CLOCK_SKEW_MS_MAX} ms of this machine's`,
    foundOf: ({ clockAheadMs, clockUncertaintyMs }) =>
      `${clockAheadMs < 0 ? "" : "+"}${Math.round(clockAheadMs)} ms (± ${Math.ceil(clockUncertaintyMs)})`,
    remedyFor: (names) => `let a time service set the clocks of ${names} and of this machine`,
  });
}

function checkEach(
  name: ClusterCheck["name"],
  servers: readonly ServerDescription[],
  failing: readonly ServerDescription[],
  {
    wanted,
    foundOf,
    remedyFor,
  }: {
    readonly wanted: string;
    readonly foundOf: (server: ServerDescription) => string;
    readonly remedyFor: (names: string) => string;
  },
): ClusterCheck {
  const found = servers.map((server) => `${server.name}: ${foundOf(server)}`).join(", ");
  if (failing.length === 0) return { name, kind: "ok", found, wanted };
  return { name, kind: "refusal", found, wanted, remedy: remedyFor(namesOf(failing)) };
}

function namesOf(servers: readonly ServerDescription[]): string {
  return servers.map(({ name }) => name).join(", ");
}

/** Compares `major.minor.patch`. A pre-release of a version is before it. */
function isAtLeast(version: string, wanted: string): boolean {
  const parsed = /^v?(\d+)\.(\d+)\.(\d+)(-.+)?/.exec(version);
  if (parsed === null) return false;
  const limits = wanted.split(".").map(Number);
  for (const [at, limit] of limits.entries()) {
    const part = Number(parsed[at + 1]);
    if (part !== limit) return part > limit;
  }
  return parsed[4] === undefined;
}
