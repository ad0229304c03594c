import type { Clock } from "@millrace/runtime";
import type {
  Broker,
  DescribeOutcome,
  ListOutcome,
  MessageOutcome,
  MessagesOutcome,
  MessageToPublish,
  PublishExpectation,
  PublishOutcome,
  PurgeOutcome,
  PurgeRequest,
  ReadOutcome,
  ReadRequest,
  RequestOutcome,
  ServersOutcome,
  StoredAnnouncement,
  StreamChangeOutcome,
  StreamSettings,
  Subscription,
} from "../broker/broker.ts";
import { BATCH_MESSAGES_MAX } from "../broker/broker.ts";
import { subjectMatches } from "../broker/subject.ts";
import type { ClusterState } from "./cluster-state.ts";
import { SIMULATED_MAX_PAYLOAD_BYTES } from "./cluster-state.ts";
import type { SimulatedStream } from "./simulated-stream.ts";

/** As the real broker's default. */
const ANSWER_TIMEOUT_MS = 5_000;
/** One way through the network. */
const NETWORK_MS = 0.5;
const LONG_DELAY_MS = 8_000;

/** What a question came to when it has no answer. */
type NoAnswer =
  /** Surely nothing was done. */
  { readonly kind: "nobody"; readonly reason: string } | { readonly kind: "lost"; readonly reason: string };

type Listener = (message: { readonly subject: string; readonly payload: Uint8Array }) => void;

/** One client's connection. What is sent over it arrives in order, except what a fault delays. */
export class SimulatedBroker implements Broker {
  readonly #cluster: ClusterState;
  readonly #clock: Clock;
  readonly #waiting = new Set<(reason: string) => void>();
  readonly #listeners = new Set<{ readonly filter: string; readonly listener: Listener }>();
  readonly #announced = new Set<{
    readonly filter: string;
    readonly listener: (announcement: StoredAnnouncement) => void;
  }>();
  readonly #responders = new Map<string, (payload: Uint8Array) => Promise<Uint8Array>>();
  #isConnected = true;
  #isClosed = false;
  /** Counts cuts: what was under way in an earlier one never arrives. */
  #era = 0;
  #outgoingDueMs = 0;
  #incomingDueMs = 0;

  constructor(cluster: ClusterState, clock: Clock) {
    this.#cluster = cluster;
    this.#clock = clock;
  }

  setConnected(isConnected: boolean): void {
    if (this.#isConnected === isConnected || this.#isClosed) return;
    this.#isConnected = isConnected;
    if (!isConnected) this.#lose("the connection to the cluster was lost");
  }

  #lose(reason: string): void {
    this.#era += 1;
    for (const fail of [...this.#waiting]) fail(reason);
  }

  publish(
    stream: string,
    subject: string,
    payload: Uint8Array,
    expectation: PublishExpectation = {},
  ): Promise<PublishOutcome> {
    return this.#publish(stream, [{ subject, payload: payload.slice() }], expectation);
  }

  publishBatch(
    stream: string,
    messages: readonly MessageToPublish[],
    expectation: PublishExpectation = {},
  ): Promise<PublishOutcome> {
    if (messages.length < 1 || messages.length > BATCH_MESSAGES_MAX)
      throw new RangeError(`a batch has 1 to ${BATCH_MESSAGES_MAX} messages, not ${messages.length}`);
    const copies = messages.map(({ subject, payload }) => ({ subject, payload: payload.slice() }));
    return this.#publish(stream, copies, expectation);
  }

  async #publish(
    stream: string,
    messages: readonly MessageToPublish[],
    expectation: PublishExpectation,
  ): Promise<PublishOutcome> {
    const tooLarge = messages.find(({ payload }) => isTooLarge(payload));
    if (tooLarge !== undefined)
      return { kind: "refused", cause: "too-large", reason: tooLargeText(tooLarge.payload) };
    const { faults } = this.#cluster;
    const outcome = await this.#ask<PublishOutcome>((answer, nobody) => {
      let isHeard = false;
      for (const { subject, payload } of messages) {
        if (this.#cluster.deliver(subject, payload)) isHeard = true;
      }
      const target = this.#cluster.streamOf((messages[0] as MessageToPublish).subject);
      if (target === undefined || target.attention === "nobody") {
        // Somebody did receive it, so the servers do not say that nobody does.
        if (!isHeard) nobody();
        return;
      }
      if (target.settings.name !== stream) {
        answer({ kind: "refused", cause: "other", reason: "expected stream does not match (10060)" });
        return;
      }
      const acknowledge = faults.happens("lostAcknowledgement") ? () => undefined : answer;
      target.propose(messages, expectation, acknowledge);
      if (faults.happens("duplicatedPublish")) {
        this.#cluster.clock.schedule(faults.delayMs(LONG_DELAY_MS), () =>
          target.propose(messages, expectation, () => undefined),
        );
      }
    }, true);
    if (outcome.kind === "nobody") return { kind: "refused", cause: "unreachable", reason: outcome.reason };
    return outcome.kind === "lost" ? { kind: "unknown", reason: outcome.reason } : outcome;
  }

  read(stream: string, request: ReadRequest): Promise<ReadOutcome> {
    return this.#askReplica<ReadOutcome>(stream, (target) => {
      const replica = target.anyReplica();
      return replica === undefined ? undefined : { kind: "messages", ...replica.read(request) };
    });
  }

  lastBySubjects(stream: string, subjects: readonly string[]): Promise<MessagesOutcome> {
    return this.#askReplica<MessagesOutcome>(stream, (target) => {
      const replica = target.anyReplica();
      if (replica === undefined) return undefined;
      const messages = replica.lastBySubjects(subjects);
      return messages.length > 1_024
        ? { kind: "unavailable", reason: "Too Many Results (413)" }
        : { kind: "messages", messages };
    });
  }

  async #askReplica<Outcome extends { readonly kind: string }>(
    stream: string,
    answerOf: (target: SimulatedStream) => Outcome | undefined,
  ): Promise<Outcome | { readonly kind: "unavailable"; readonly reason: string }> {
    const outcome = await this.#ask<Outcome>((answer, nobody) => {
      const target = this.#cluster.streams.get(stream);
      const found = target === undefined ? undefined : answerOf(target);
      if (found === undefined) nobody();
      else if (!this.#cluster.faults.happens("lostAnswer")) answer(found);
    });
    return isNoAnswer(outcome) ? { kind: "unavailable", reason: outcome.reason } : outcome;
  }

  lastOfSubjectFromLeader(stream: string, subject: string): Promise<MessageOutcome> {
    return this.#askLeader<MessageOutcome>(stream, (target, answer) => {
      const message = target.leaderReplica()?.lastOfSubject(subject);
      answer(message === undefined ? { kind: "none" } : { kind: "message", message });
    });
  }

  describeStream(stream: string): Promise<DescribeOutcome> {
    return this.#askLeader<DescribeOutcome>(stream, (target, answer) => {
      const description = target.describe();
      if (description !== undefined) answer({ kind: "stream", stream: description });
    });
  }

  async purge(stream: string, what: PurgeRequest): Promise<PurgeOutcome> {
    const outcome = await this.#askLeader<PurgeOutcome>(stream, (target, answer) =>
      target.purge(what, (messageCount) => answer({ kind: "purged", messageCount })),
    );
    return outcome.kind === "unavailable" ? { kind: "unknown", reason: outcome.reason } : outcome;
  }

  /** Asks the leader of a stream; the cluster's own catalog says when there is none. */
  async #askLeader<Outcome extends { readonly kind: string }>(
    stream: string,
    atLeader: (target: SimulatedStream, answer: (outcome: Outcome) => void) => void,
  ): Promise<
    Outcome | { readonly kind: "no-stream" } | { readonly kind: "unavailable"; readonly reason: string }
  > {
    const outcome = await this.#ask<Outcome | { readonly kind: "no-stream" }>((answer, nobody) => {
      if (!this.#cluster.hasQuorum) return nobody();
      const target = this.#cluster.streams.get(stream);
      if (target === undefined) {
        answer({ kind: "no-stream" });
        return;
      }
      if (target.attention === "nobody") return nobody();
      if (target.attention === "silent" || this.#cluster.faults.happens("lostAnswer")) return;
      atLeader(target, answer);
    });
    return isNoAnswer(outcome) ? { kind: "unavailable", reason: outcome.reason } : outcome;
  }

  createStream(settings: StreamSettings): Promise<StreamChangeOutcome> {
    return this.#change(() => this.#cluster.createStream(settings));
  }

  updateStream(settings: StreamSettings): Promise<StreamChangeOutcome> {
    return this.#change(() => this.#cluster.updateStream(settings));
  }

  deleteStream(stream: string): Promise<StreamChangeOutcome> {
    return this.#change(() =>
      this.#cluster.streams.delete(stream) ? { kind: "done" } : { kind: "no-stream" },
    );
  }

  async #change(change: () => StreamChangeOutcome): Promise<StreamChangeOutcome> {
    const outcome = await this.#ask<StreamChangeOutcome>((answer, nobody) => {
      if (!this.#cluster.hasQuorum) return nobody();
      const done = change();
      if (!this.#cluster.faults.happens("lostAnswer")) answer(done);
    });
    return isNoAnswer(outcome) ? { kind: "unknown", reason: outcome.reason } : outcome;
  }

  async listStreams(subjectFilter: string): Promise<ListOutcome> {
    const outcome = await this.#ask<ListOutcome>((answer, nobody) => {
      if (!this.#cluster.hasQuorum) return nobody();
      if (!this.#cluster.faults.happens("lostAnswer"))
        answer({ kind: "streams", names: this.#cluster.listStreams(subjectFilter) });
    });
    return isNoAnswer(outcome) ? { kind: "unavailable", reason: outcome.reason } : outcome;
  }

  async describeServers(): Promise<ServersOutcome> {
    const outcome = await this.#ask<ServersOutcome>((answer, nobody) => {
      const servers = this.#cluster.describeServers();
      if (servers.length === 0) return nobody();
      answer({ kind: "servers", servers, expectedCount: this.#cluster.serverCount });
    });
    return isNoAnswer(outcome) ? { kind: "unavailable", reason: outcome.reason } : outcome;
  }

  onStored(filter: string, listener: (announcement: StoredAnnouncement) => void): Subscription {
    const entry = { filter, listener };
    this.#announced.add(entry);
    return { stop: () => void this.#announced.delete(entry) };
  }

  send(subject: string, payload: Uint8Array): void {
    if (isTooLarge(payload)) throw new RangeError(tooLargeText(payload));
    if (!this.#isConnected || this.#cluster.faults.happens("lostNews")) return;
    const copy = payload.slice();
    this.#toCluster(() => this.#cluster.deliver(subject, copy));
  }

  subscribe(filter: string, listener: Listener): Subscription {
    const entry = { filter, listener };
    this.#listeners.add(entry);
    return { stop: () => void this.#listeners.delete(entry) };
  }

  async request(subject: string, payload: Uint8Array, timeoutMs: number): Promise<RequestOutcome> {
    if (isTooLarge(payload)) return { kind: "too-large", reason: tooLargeText(payload) };
    const copy = payload.slice();
    const outcome = await this.#ask<RequestOutcome>(
      (answer, nobody) => {
        const responder = this.#cluster.responderOf(subject);
        if (responder === undefined) return nobody();
        if (this.#cluster.faults.happens("lostAnswer")) return;
        responder.serve(subject, copy, (answered) => answer({ kind: "answered", payload: answered }));
      },
      false,
      timeoutMs,
    );
    if (outcome.kind === "nobody") return { kind: "nobody" };
    return outcome.kind === "lost" ? { kind: "unknown", reason: outcome.reason } : outcome;
  }

  respond(subject: string, handler: (payload: Uint8Array) => Promise<Uint8Array>): Subscription {
    this.#responders.set(subject, handler);
    return { stop: () => void this.#responders.delete(subject) };
  }

  async close(): Promise<void> {
    this.#isConnected = false;
    this.#isClosed = true;
    this.#lose("the connection to the cluster is closed");
    await Promise.resolve();
  }

  hearAnnouncement(announcement: StoredAnnouncement): void {
    if (this.#cluster.faults.happens("lostAnnouncement")) return;
    for (const entry of this.#announced) {
      if (!subjectMatches(entry.filter, announcement.subject)) continue;
      this.#toClient(() => {
        if (this.#announced.has(entry)) entry.listener(announcement);
      });
    }
  }

  hear(subject: string, payload: Uint8Array): boolean {
    let isHeard = false;
    for (const entry of this.#listeners) {
      if (!this.#isConnected || !subjectMatches(entry.filter, subject)) continue;
      isHeard = true;
      this.#toClient(() => {
        if (this.#listeners.has(entry)) entry.listener({ subject, payload });
      });
    }
    return isHeard;
  }

  serves(subject: string): boolean {
    return this.#isConnected && this.#responders.has(subject);
  }

  /** Lets this client's handler answer a request. */
  serve(subject: string, payload: Uint8Array, answer: (answered: Uint8Array) => void): void {
    this.#toClient(() => {
      this.#responders
        .get(subject)?.(payload)
        .then(
          (answered) => {
            if (!isTooLarge(answered)) this.#toCluster(() => answer(answered.slice()));
          },
          () => undefined,
        );
    });
  }

  /** Takes a question to the cluster and its answer back, unless either is lost or too late. */
  #ask<Answer>(
    atCluster: (answer: (answer: Answer) => void, nobody: () => void) => void,
    isPublish = false,
    timeoutMs = ANSWER_TIMEOUT_MS,
  ): Promise<Answer | NoAnswer> {
    if (!this.#isConnected)
      return Promise.resolve({ kind: "nobody", reason: "there is no connection to the cluster" });
    return new Promise((resolve) => {
      const fail = (reason: string): void => finish({ kind: "lost", reason });
      const timer = this.#clock.schedule(timeoutMs, () => fail(`no answer within ${timeoutMs} ms`));
      const finish = (outcome: Answer | NoAnswer): void => {
        timer.cancel();
        this.#waiting.delete(fail);
        resolve(outcome);
      };
      this.#waiting.add(fail);
      const back = (outcome: Answer | NoAnswer): void => this.#toClient(() => finish(outcome));
      this.#toCluster(
        () =>
          atCluster(back, () =>
            back({ kind: "nobody", reason: "nobody in the cluster serves it at the moment" }),
          ),
        isPublish,
      );
    });
  }

  #toCluster(arrive: () => void, isPublish = false): void {
    const { clock, random, faults } = this.#cluster;
    const nowMs = clock.monotonicMs();
    if (isPublish && faults.happens("lostPublish")) return;
    if (isPublish && faults.happens("delayedPublish")) {
      // Some server has it: a cut does not take it back, and later messages overtake it.
      clock.schedule(faults.delayMs(LONG_DELAY_MS), arrive);
      return;
    }
    this.#outgoingDueMs = Math.max(this.#outgoingDueMs, nowMs + random.fraction() * NETWORK_MS);
    clock.schedule(this.#outgoingDueMs - nowMs, arrive);
  }

  #toClient(arrive: () => void): void {
    const nowMs = this.#clock.monotonicMs();
    const era = this.#era;
    if (!this.#isConnected) return;
    this.#incomingDueMs = Math.max(this.#incomingDueMs, nowMs + this.#cluster.random.fraction() * NETWORK_MS);
    this.#clock.schedule(this.#incomingDueMs - nowMs, () => {
      if (era === this.#era) arrive();
    });
  }
}

function isNoAnswer(outcome: { readonly kind: string }): outcome is NoAnswer {
  return outcome.kind === "nobody" || outcome.kind === "lost";
}

function isTooLarge({ byteLength }: Uint8Array): boolean {
  return byteLength > SIMULATED_MAX_PAYLOAD_BYTES;
}

function tooLargeText({ byteLength }: Uint8Array): string {
  return `a message of ${byteLength} bytes is above max_payload, which is ${SIMULATED_MAX_PAYLOAD_BYTES}`;
}
