import type { Clock, Random } from "@millrace/runtime";
import type {
  MessageToPublish,
  PublishExpectation,
  PublishOutcome,
  PurgeRequest,
  StoredMessage,
  StreamDescription,
  StreamSettings,
} from "../broker/broker.ts";
import { subjectMatches } from "../broker/subject.ts";
import type { BrokerFaults } from "./broker-faults.ts";
import type { LogOperation } from "./stored-log.ts";
import { storedBytesOf, StoredLog } from "./stored-log.ts";

/** A server as the streams on it see it. */
export interface SimulatedServer {
  readonly name: string;
  /** `down`: everybody sees it. `frozen`: it takes what is sent to it and says nothing. */
  state: "up" | "down" | "frozen";
  /** How far its clock is ahead of the world's. */
  clockAheadMs: number;
}

export interface StreamSurroundings {
  readonly clock: Clock;
  readonly random: Random;
  readonly faults: BrokerFaults;
  readonly announce: (stream: string, message: StoredMessage) => void;
}

interface Proposal {
  readonly messages: readonly StoredMessage[];
  readonly operation: LogOperation;
  readonly readyMs: number;
  /** Called once it is stored; when the leader has changed meanwhile, perhaps not. */
  readonly stored: (purgedCount: number) => void;
}

interface Replica {
  readonly log: StoredLog;
  /** When the last step that is under way to it arrives. */
  dueMs: number;
  /** Whether it is kept from taking further steps. */
  isHeld: boolean;
}

/** How long a commit takes. */
const COMMIT_MS = 2;
const FOLLOWER_LAG_MS = 3;
const LONG_FOLLOWER_LAG_MS = 3_000;
/** How long a stream is without a leader when a server dies or freezes, and when it hands over in order. */
const ELECTION_MS = [4_000, 7_000] as const;
const HAND_OVER_MS = [300, 800] as const;

/**
 * One replicated stream: a history that only grows, a leader that checks and proposes, followers that take the same steps
 * later. The leader counts what it has proposed, not what is committed; when it goes, any number of the proposals under way
 * become part of the history, from the oldest on, and nobody is told which.
 */
export class SimulatedStream {
  settings: StreamSettings;
  readonly created: string;
  readonly #world: StreamSurroundings;
  readonly #servers: readonly SimulatedServer[];
  readonly #replicas = new Map<SimulatedServer, Replica>();
  readonly #history: LogOperation[] = [];
  #inFlight: Proposal[] = [];
  /** Survivors of the last leader, which the next one commits before it takes anything. */
  readonly #inherited: Proposal[] = [];
  #leader: SimulatedServer | undefined;
  /** The last leader, which the others do not see any more, and which does not know it; and up to where it has proposed. */
  #deposed: { readonly server: SimulatedServer; readonly proposedSequence: number } | undefined;
  /** Elections that were called before this one are void. */
  #term = 0;
  #lastReadyMs = 0;

  constructor(world: StreamSurroundings, settings: StreamSettings, servers: readonly SimulatedServer[]) {
    this.#world = world;
    this.settings = settings;
    this.#servers = servers;
    for (const server of servers) {
      this.#replicas.set(server, { log: new StoredLog(), dueMs: 0, isHeld: false });
    }
    this.#leader = servers[world.random.below(servers.length)];
    // In nanoseconds, as servers have it: two incarnations never share it.
    const nanoseconds = String(world.random.below(1_000_000)).padStart(6, "0");
    this.created = new Date(world.clock.nowMs()).toISOString().replace("Z", `${nanoseconds}Z`);
  }

  get leaderName(): string | undefined {
    return this.#leader?.name;
  }

  get #hasQuorum(): boolean {
    return this.#servers.filter(({ state }) => state === "up").length * 2 > this.#servers.length;
  }

  /** The leader, when there is one that does anything. */
  get #acting(): SimulatedServer | undefined {
    return this.#leader?.state === "up" ? this.#leader : undefined;
  }

  /** `nobody`: no server takes anything for the stream. `silent`: one does, and says nothing. */
  get attention(): "acting" | "nobody" | "silent" {
    if (this.#answeringDeposed !== undefined) return "acting";
    if (this.#leader === undefined || this.#leader.state === "down") return "nobody";
    return this.#leader.state === "frozen" ? "silent" : "acting";
  }

  get #answeringDeposed():
    | { readonly server: SimulatedServer; readonly proposedSequence: number }
    | undefined {
    return this.#leader === undefined && this.#deposed?.server.state === "up" ? this.#deposed : undefined;
  }

  /** What the leader does with a publish that has arrived. `answer` is not called when the caller will never hear of it. */
  propose(
    toPublish: readonly MessageToPublish[],
    expectation: PublishExpectation,
    answer: (outcome: PublishOutcome) => void,
  ): void {
    const leader = this.#acting;
    const old = this.#answeringDeposed;
    if (old !== undefined) {
      const log = this.#logOf(old.server);
      const refusal = wrongSequence(toPublish, expectation, old.proposedSequence, log);
      if (refusal !== undefined) answer(refusal);
      return;
    }
    if (leader === undefined) return;
    if (this.#world.faults.happens("deposedLeader")) {
      const deposed = this.#logOf(this.#anyFollower() ?? leader);
      const refusal = wrongSequence(toPublish, expectation, deposed.lastSequence, deposed);
      if (refusal !== undefined) answer(refusal);
      return;
    }
    const refusal = this.#refusalOf(toPublish, expectation);
    if (refusal !== undefined) {
      answer(refusal);
      return;
    }
    const timeMs = this.#world.clock.nowMs() + leader.clockAheadMs;
    const first = this.#proposedSequence + 1;
    const messages = toPublish.map(({ subject, payload }, at) => ({
      sequence: first + at,
      subject,
      // The caller may use its memory again.
      payload: payload.slice(),
      timeMs,
    }));
    const operation = {
      kind: "append" as const,
      messages,
      messagesPerSubjectMax: this.settings.messagesPerSubjectMax ?? Infinity,
    };
    const sequence = first + messages.length - 1;
    this.#propose(operation, messages, () => answer({ kind: "stored", sequence }));
  }

  /** Forgets messages; the number of those forgotten is answered once it is in the history. */
  purge(what: PurgeRequest, answer: (messageCount: number) => void): void {
    if (this.#acting !== undefined) this.#propose({ kind: "purge", what }, [], answer);
  }

  #refusalOf(
    toPublish: readonly MessageToPublish[],
    expectation: PublishExpectation,
  ): PublishOutcome | undefined {
    const isOurs = ({ subject }: MessageToPublish): boolean =>
      this.settings.subjects.some((filter) => subjectMatches(filter, subject));
    if (!toPublish.every(isOurs))
      return { kind: "refused", cause: "other", reason: "expected stream does not match" };
    const log = this.#logOf(this.#leader as SimulatedServer);
    if (expectation.lastSubjectSequence !== undefined) {
      const { subject } = toPublish[0] as MessageToPublish;
      // The leader does not count what is under way on the subject: it refuses without a number.
      if (this.#inFlight.some(({ messages }) => messages.some((message) => message.subject === subject)))
        return { kind: "wrong-sequence" };
    }
    const refusal = wrongSequence(toPublish, expectation, this.#proposedSequence, log);
    if (refusal !== undefined) return refusal;
    const underWay = this.#inFlight.flatMap(({ messages }) => messages);
    let bytes = log.storedBytes;
    for (const message of [...underWay, ...toPublish]) bytes += storedBytesOf(message);
    if (bytes > (this.settings.maxBytes ?? Infinity))
      return { kind: "refused", cause: "full", reason: "maximum bytes exceeded" };
    return undefined;
  }

  get #proposedSequence(): number {
    const newest = this.#inFlight.flatMap(({ messages }) => messages).at(-1);
    return newest?.sequence ?? this.#logOf(this.#leader as SimulatedServer).lastSequence;
  }

  #logOf(server: SimulatedServer): StoredLog {
    return (this.#replicas.get(server) as Replica).log;
  }

  #propose(
    operation: LogOperation,
    messages: readonly StoredMessage[],
    stored: (purgedCount: number) => void,
  ): void {
    const nowMs = this.#world.clock.monotonicMs();
    this.#lastReadyMs = Math.max(this.#lastReadyMs, nowMs + this.#world.random.fraction() * COMMIT_MS);
    this.#inFlight.push({ operation, messages, readyMs: this.#lastReadyMs, stored });
    this.#world.clock.schedule(this.#lastReadyMs - nowMs, () => this.#commitReady());
  }

  #commitReady(): void {
    const nowMs = this.#world.clock.monotonicMs();
    while (this.#acting !== undefined && this.#hasQuorum) {
      const [proposal] = this.#inFlight;
      // Differences of times may be rounded.
      if (proposal === undefined || proposal.readyMs > nowMs + 1e-6) return;
      this.#inFlight.shift();
      proposal.stored(this.#commit(proposal));
    }
  }

  #commit({ operation, messages }: Proposal): number {
    this.#history.push(operation);
    let purgedCount = 0;
    for (const [server, replica] of this.#replicas) {
      if (server === this.#leader) purgedCount = replica.log.catchUp(this.#history);
      else this.#followLater(server, replica);
    }
    if (this.settings.announced === true) {
      for (const message of messages) this.#world.announce(this.settings.name, message);
    }
    return purgedCount;
  }

  #followLater(server: SimulatedServer, replica: Replica): void {
    const { clock, random, faults } = this.#world;
    const count = this.#history.length;
    const nowMs = clock.monotonicMs();
    const delayMs = faults.happens("laggingFollower")
      ? faults.delayMs(LONG_FOLLOWER_LAG_MS)
      : random.fraction() * FOLLOWER_LAG_MS;
    // Steps are taken in order: a late one holds up those after it.
    replica.dueMs = Math.max(replica.dueMs, nowMs + delayMs);
    clock.schedule(replica.dueMs - nowMs, () => {
      if (server.state === "up" && !replica.isHeld) replica.log.catchUp(this.#history, count);
    });
  }

  /** Keeps a follower from taking further steps, or lets it go on. */
  hold(serverName: string, isHeld: boolean): void {
    for (const [server, replica] of this.#replicas) {
      if (server.name !== serverName) continue;
      replica.isHeld = isHeld;
      if (!isHeld) this.#followLater(server, replica);
    }
  }

  /** Flips a bit of a message that a server has stored. */
  damage(serverName: string, sequence: number): void {
    const server = this.#servers.find(({ name }) => name === serverName);
    if (server === undefined || !this.#logOf(server).damage(sequence))
      throw new Error(`${serverName} does not have message ${sequence} of ${this.settings.name}`);
  }

  /** A server of the stream has come, gone, or frozen. */
  serverChanged(server: SimulatedServer): void {
    const replica = this.#replicas.get(server);
    if (replica === undefined) return;
    if (server.state !== "up") {
      if (server === this.#leader) this.#elect(ELECTION_MS);
      return;
    }
    if (server === this.#leader) {
      // It froze, and goes on before the others have noticed.
      this.#term += 1;
      this.#lead(server);
    } else {
      this.#followLater(server, replica);
      if (this.#leader === undefined) this.#elect(HAND_OVER_MS);
    }
    this.#commitReady();
  }

  /** The leader hands over to another server in order. */
  stepDown(): void {
    if (this.#leader !== undefined) this.#elect(HAND_OVER_MS);
  }

  /** The others lose sight of the leader, and it does not know it: until they have another it answers from what it has. */
  depose(): void {
    const server = this.#acting;
    if (server === undefined) return;
    this.#deposed = { server, proposedSequence: this.#proposedSequence };
    this.#elect(ELECTION_MS);
  }

  #elect([shortestMs, longestMs]: readonly [number, number]): void {
    const { clock, random } = this.#world;
    const previous = this.#leader;
    this.#term += 1;
    const term = this.#term;
    // What the others had received of the proposals lives on; the rest is as if it had never been sent.
    const survivorCount = random.below(this.#inFlight.length + 1);
    this.#inherited.push(...this.#inFlight.slice(0, survivorCount));
    this.#inFlight = [];
    if (previous?.state !== "frozen") this.#leader = undefined;
    clock.schedule(shortestMs + random.fraction() * (longestMs - shortestMs), () => {
      if (term !== this.#term) return;
      this.#leader = undefined;
      const up = this.#servers.filter(({ state }) => state === "up");
      const others = up.filter((server) => server !== previous);
      const eligible = others.length === 0 ? up : others;
      // Without a majority the stream waits for a server to come back.
      if (this.#hasQuorum) this.#lead(eligible[random.below(eligible.length)] as SimulatedServer);
    });
  }

  #lead(server: SimulatedServer): void {
    this.#leader = server;
    this.#deposed = undefined;
    this.#logOf(server).catchUp(this.#history);
    for (const proposal of this.#inherited.splice(0)) {
      const purgedCount = this.#commit(proposal);
      // The reply subject is part of a proposal, so the new leader may answer in the old one's place, seconds later.
      if (this.#world.random.below(2) === 0) proposal.stored(purgedCount);
    }
  }

  /** A replica that answers reads; undefined when there is none. */
  anyReplica(): StoredLog | undefined {
    const up = this.#servers.filter(({ state }) => state === "up");
    return up.length === 0 ? undefined : this.#logOf(up[this.#world.random.below(up.length)]!);
  }

  /** The replica that answers for the leader; undefined when none does. */
  leaderReplica(): StoredLog | undefined {
    const speaker = this.#speaker();
    return speaker === undefined ? undefined : this.#logOf(speaker);
  }

  /** Who answers for the leader: sometimes somebody who was it once, and missed what came later. */
  #speaker(): SimulatedServer | undefined {
    const leader = this.#acting ?? this.#answeringDeposed?.server;
    if (leader === undefined || !this.#world.faults.happens("deposedLeader")) return leader;
    return this.#anyFollower() ?? leader;
  }

  #anyFollower(): SimulatedServer | undefined {
    const followers = this.#servers.filter((server) => server !== this.#leader && server.state === "up");
    return followers[this.#world.random.below(Math.max(1, followers.length))];
  }

  describe(): StreamDescription | undefined {
    const leader = this.#speaker();
    if (leader === undefined) return undefined;
    const log = this.#logOf(leader);
    return {
      settings: this.settings,
      created: this.created,
      firstSequence: log.firstSequence,
      lastSequence: log.lastSequence,
      messageCount: log.messageCount,
      storedBytes: log.storedBytes,
      leader: leader.name,
      followers: this.#servers
        .filter((server) => server !== leader)
        .map((server) => {
          const lagOperations = this.#history.length - this.#logOf(server).appliedCount;
          const isOffline = server.state !== "up";
          return {
            server: server.name,
            isCurrent: !isOffline && lagOperations === 0,
            isOffline,
            lagOperations,
          };
        }),
    };
  }
}

/** What a leader answers that has `lastSequence` and this log; undefined when the expectation holds. */
function wrongSequence(
  toPublish: readonly MessageToPublish[],
  expectation: PublishExpectation,
  lastSequence: number,
  log: StoredLog,
): PublishOutcome | undefined {
  if (expectation.lastSequence !== undefined && expectation.lastSequence !== lastSequence)
    return { kind: "wrong-sequence", lastSequence };
  if (expectation.lastSubjectSequence === undefined) return undefined;
  const last = log.lastOfSubject((toPublish[0] as MessageToPublish).subject)?.sequence ?? 0;
  return last === expectation.lastSubjectSequence
    ? undefined
    : { kind: "wrong-sequence", lastSequence: last };
}
