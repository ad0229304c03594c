import type { Random, SimulatedClock } from "@millrace/runtime";
import type {
  ServerDescription,
  StoredAnnouncement,
  StoredMessage,
  StreamChangeOutcome,
  StreamSettings,
} from "../broker/broker.ts";
import { filtersOverlap, subjectMatches } from "../broker/subject.ts";
import { BrokerFaults } from "./broker-faults.ts";
import type { SimulatedServer } from "./simulated-stream.ts";
import { SimulatedStream } from "./simulated-stream.ts";

export interface SimulatedClusterOptions {
  /** The world's clock: servers run on it whatever becomes of clients' processes. */
  readonly clock: SimulatedClock;
  /** Decides everything that happens by chance in the cluster and on the way to it. */
  readonly random: Random;
  /** What the servers say of themselves where it differs from a good cluster of three, `n1` to `n3` in `az:a` to `az:c`. */
  readonly servers?: readonly Partial<ServerDescription>[];
}

/** A client as the cluster sees it. */
interface ConnectedClient {
  hearAnnouncement(announcement: StoredAnnouncement): void;
  /** Returns whether the client listens to the subject. */
  hear(subject: string, payload: Uint8Array): boolean;
  serves(subject: string): boolean;
  /** Has the client's handler answer a request. */
  serve(subject: string, payload: Uint8Array, answer: (answered: Uint8Array) => void): void;
}

export const SIMULATED_MAX_PAYLOAD_BYTES = 2 * 1024 * 1024;

type DescribedServer = SimulatedServer & { readonly description: ServerDescription };

/** What clients reach over the simulated network. */
export class ClusterState {
  readonly clock: SimulatedClock;
  readonly random: Random;
  readonly faults: BrokerFaults;
  readonly streams = new Map<string, SimulatedStream>();
  readonly clients = new Set<ConnectedClient>();
  readonly #servers: readonly DescribedServer[];

  constructor({ clock, random, servers = [{}, {}, {}] }: SimulatedClusterOptions) {
    this.clock = clock;
    this.random = random;
    this.faults = new BrokerFaults(random);
    this.#servers = servers.map((changes, at) => {
      const description: ServerDescription = {
        name: `n${at + 1}`,
        version: "2.15.1",
        cluster: "simulated",
        tags: [`az:${String.fromCharCode(97 + at)}`],
        maxPayloadBytes: SIMULATED_MAX_PAYLOAD_BYTES,
        clockAheadMs: 0,
        clockUncertaintyMs: 0,
        jetStream: {
          syncsAlways: true,
          uniqueTag: "az:",
          storeBytesMax: 1e12,
          storedBytes: 0,
          replicatedAssetCount: 0,
          metaLeader: "n1",
        },
        ...changes,
      };
      return { name: description.name, state: "up", clockAheadMs: description.clockAheadMs, description };
    });
  }

  get serverCount(): number {
    return this.#servers.length;
  }

  serverNamed(name: string): SimulatedServer {
    const server = this.#servers.find((one) => one.name === name);
    if (server === undefined) throw new Error(`there is no server ${name}`);
    return server;
  }

  setServerState(name: string, serverState: SimulatedServer["state"]): void {
    const server = this.serverNamed(name);
    if (server.state === serverState) return;
    server.state = serverState;
    for (const stream of this.streams.values()) stream.serverChanged(server);
  }

  /** Whether the cluster's own catalog can be read and changed. */
  get hasQuorum(): boolean {
    return this.#servers.filter(({ state }) => state === "up").length * 2 > this.#servers.length;
  }

  describeServers(): ServerDescription[] {
    return this.#servers
      .filter(({ state }) => state === "up")
      .map(({ description, clockAheadMs }) => ({ ...description, clockAheadMs }));
  }

  createStream(settings: StreamSettings): StreamChangeOutcome {
    const existing = this.streams.get(settings.name);
    if (existing !== undefined)
      return isSame(existing.settings, settings) ? { kind: "done" } : { kind: "exists" };
    const overlaps = [...this.streams.values()].some((stream) =>
      stream.settings.subjects.some((one) => settings.subjects.some((other) => filtersOverlap(one, other))),
    );
    if (overlaps) return { kind: "refused", reason: "subjects overlap with an existing stream (10065)" };
    const servers = this.#placementOf(settings);
    if (servers === undefined) return { kind: "refused", reason: "no suitable peers for placement (10005)" };
    const { clock, random, faults } = this;
    const announce = (stream: string, message: StoredMessage): void => this.#announce(stream, message);
    this.streams.set(
      settings.name,
      new SimulatedStream({ clock, random, faults, announce }, settings, servers),
    );
    return { kind: "done" };
  }

  /** Servers with all the tags, of which no two share the tag in which replicas must differ. */
  #placementOf({ replicas, placementTags = [] }: StreamSettings): SimulatedServer[] | undefined {
    const chosen: SimulatedServer[] = [];
    const zones = new Set<string>();
    for (const server of this.#servers) {
      const { tags, jetStream } = server.description;
      if (server.state !== "up" || jetStream === undefined) continue;
      if (!placementTags.every((tag) => tags.includes(tag))) continue;
      const prefix = jetStream.uniqueTag;
      const zone = prefix === undefined ? server.name : tags.find((tag) => tag.startsWith(prefix));
      if (zone === undefined || zones.has(zone)) continue;
      zones.add(zone);
      chosen.push(server);
    }
    return chosen.length < replicas ? undefined : chosen.slice(0, replicas);
  }

  updateStream(settings: StreamSettings): StreamChangeOutcome {
    const stream = this.streams.get(settings.name);
    if (stream === undefined) return { kind: "no-stream" };
    if (settings.replicas !== stream.settings.replicas)
      return { kind: "refused", reason: "the simulated cluster does not move replicas" };
    stream.settings = settings;
    return { kind: "done" };
  }

  listStreams(subjectFilter: string): string[] {
    return [...this.streams.values()]
      .filter(({ settings }) => settings.subjects.some((subject) => filtersOverlap(subject, subjectFilter)))
      .map(({ settings }) => settings.name)
      .sort();
  }

  #announce(stream: string, { subject, sequence }: StoredMessage): void {
    for (const client of this.clients) client.hearAnnouncement({ stream, subject, sequence });
  }

  /** Everybody who listens hears it, the sender too. Returns whether anybody does. */
  deliver(subject: string, payload: Uint8Array): boolean {
    let isHeard = false;
    for (const client of this.clients) {
      if (client.hear(subject, payload)) isHeard = true;
    }
    return isHeard;
  }

  /** Clients that serve a subject, in the order in which they connected. */
  responderOf(subject: string): ConnectedClient | undefined {
    const serving = [...this.clients].filter((client) => client.serves(subject));
    return serving.length === 0 ? undefined : serving[this.random.below(serving.length)];
  }

  /** The stream that takes a subject, whatever the publisher thinks its name is. */
  streamOf(subject: string): SimulatedStream | undefined {
    for (const stream of this.streams.values()) {
      if (stream.settings.subjects.some((filter) => subjectMatches(filter, subject))) return stream;
    }
    return undefined;
  }
}

function isSame(one: StreamSettings, other: StreamSettings): boolean {
  return (
    one.replicas === other.replicas &&
    one.subjects.join() === other.subjects.join() &&
    (one.placementTags ?? []).join() === (other.placementTags ?? []).join() &&
    one.maxBytes === other.maxBytes &&
    one.messagesPerSubjectMax === other.messagesPerSubjectMax &&
    (one.announced ?? false) === (other.announced ?? false)
  );
}
