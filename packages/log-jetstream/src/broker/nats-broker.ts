import type { Clock } from "@millrace/runtime";
import type { Msg, MsgHdrs, NatsConnection } from "@nats-io/transport-node";
import { connect, headers, nuid } from "@nats-io/transport-node";
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
  StoredMessage,
  StreamChangeOutcome,
  StreamSettings,
  Subscription,
} from "./broker.ts";
import { BATCH_MESSAGES_MAX } from "./broker.ts";
import type { ApiAnswer, LeaderMessageAnswer, ServerAnswer, StreamInfoAnswer } from "./nats-answers.ts";
import {
  ANNOUNCEMENTS,
  answerOf,
  configOf,
  directMessage,
  errorText,
  leaderMessage,
  NO_MESSAGE,
  publishOutcome,
  serverDescription,
  STREAM_NOT_FOUND,
  streamChangeOutcome,
  streamDescription,
} from "./nats-answers.ts";
import type { Ending, Request } from "./nats-requests.ts";
import { Requests } from "./nats-requests.ts";

export interface NatsBrokerOptions {
  /** Machine time: for time-outs, and what the servers' clocks are compared with. */
  readonly clock: Clock;
  /** Any servers of the cluster, such as `nats://10.0.0.1:4222`; the others are learned from them. */
  readonly servers: readonly string[];
  /** What this connection is called in the servers' lists of connections. */
  readonly name: string;
  readonly login?: Login;
  /** A user of the system account, which alone may ask servers for their settings. Without it there are no {@link Broker.describeServers}. */
  readonly systemLogin?: Login;
  /** After how long an answer is given up. Default: 5 s. */
  readonly answerTimeoutMs?: number;
}

export interface Login {
  readonly user: string;
  readonly password: string;
}

const ANSWER_TIMEOUT_MS = 5_000;
/** A server that says nothing for two of these is taken for dead, and another one is tried. */
const PING_INTERVAL_MS = 2_000;
const RECONNECT_WAIT_MS = 250;
/** A frozen server still takes connections, and then says nothing. */
const CONNECT_TIMEOUT_MS = 2_000;
const EMPTY = new Uint8Array(0);

/**
 * Connects to a cluster. The connection heals itself from then on.
 *
 * @throws {Error} when no server takes the connection.
 */
export async function connectNatsBroker(options: NatsBrokerOptions): Promise<Broker> {
  const connection = await open(options, options.login);
  try {
    const system = options.systemLogin === undefined ? undefined : await open(options, options.systemLogin);
    return new NatsBroker(connection, system, options);
  } catch (error) {
    await connection.close();
    throw error;
  }
}

async function open({ servers, name }: NatsBrokerOptions, login: Login | undefined): Promise<NatsConnection> {
  const options = {
    servers: [...servers],
    name,
    ...(login === undefined ? {} : { user: login.user, pass: login.password }),
    timeout: CONNECT_TIMEOUT_MS,
  };
  // A connection that heals itself would try a wrong password for ever: whether it is right is seen with one that does not.
  const trial = await connect({ ...options, reconnect: false });
  await trial.close();
  return connect({
    ...options,
    maxReconnectAttempts: -1,
    // A server may refuse a login while its configuration is being changed.
    ignoreAuthErrorAbort: true,
    reconnectTimeWait: RECONNECT_WAIT_MS,
    pingInterval: PING_INTERVAL_MS,
    maxPingOut: 2,
    noAsyncTraces: true,
  });
}

class NatsBroker implements Broker {
  readonly #connection: NatsConnection;
  readonly #system: NatsConnection | undefined;
  readonly #requests: Requests;
  readonly #systemRequests: Requests | undefined;
  readonly #clock: Clock;
  readonly #timeoutMs: number;

  constructor(
    connection: NatsConnection,
    system: NatsConnection | undefined,
    { clock, answerTimeoutMs = ANSWER_TIMEOUT_MS }: NatsBrokerOptions,
  ) {
    this.#connection = connection;
    this.#system = system;
    this.#clock = clock;
    this.#requests = new Requests(connection, clock);
    this.#systemRequests = system === undefined ? undefined : new Requests(system, clock);
    this.#timeoutMs = answerTimeoutMs;
  }

  publish(
    stream: string,
    subject: string,
    payload: Uint8Array,
    expectation: PublishExpectation = {},
  ): Promise<PublishOutcome> {
    return this.#publish(stream, [{ subject, payload, headers: expectationHeaders(stream, expectation) }]);
  }

  publishBatch(
    stream: string,
    messages: readonly MessageToPublish[],
    expectation: PublishExpectation = {},
  ): Promise<PublishOutcome> {
    if (messages.length < 1 || messages.length > BATCH_MESSAGES_MAX)
      throw new RangeError(`a batch has 1 to ${BATCH_MESSAGES_MAX} messages, not ${messages.length}`);
    const batchId = nuid.next();
    const requests = messages.map(({ subject, payload }, at): Request => {
      const isFirst = at === 0;
      const isLast = at === messages.length - 1;
      const fields = expectationHeaders(stream, isFirst ? expectation : {});
      fields.set("Nats-Batch-Id", batchId);
      fields.set("Nats-Batch-Sequence", String(at + 1));
      if (isLast) fields.set("Nats-Batch-Commit", "1");
      // The first is answered, too: it says why a batch is refused, where the last says only that it is incomplete.
      return { subject, payload, headers: fields, isSilent: !isFirst && !isLast };
    });
    return this.#publish(stream, requests);
  }

  async #publish(stream: string, requests: readonly Request[]): Promise<PublishOutcome> {
    let outcome: PublishOutcome | undefined;
    const ending = await this.#requests.ask(requests, this.#timeoutMs, (message) => {
      // An empty answer says that the first message of a batch has arrived.
      if (message.data.length === 0) return false;
      outcome = publishOutcome(message, stream);
      return true;
    });
    if (outcome !== undefined) return outcome;
    if (ending.kind === "too-large") return { kind: "refused", cause: "too-large", reason: ending.reason };
    if (ending.kind === "nobody") return { kind: "refused", cause: "unreachable", reason: ending.reason };
    return { kind: "unknown", reason: reasonOf(ending) };
  }

  async read(
    stream: string,
    { fromSequence, subject, maxBytes, maxMessages }: ReadRequest,
  ): Promise<ReadOutcome> {
    const messages: StoredMessage[] = [];
    let ended = false;
    const failure = await this.#directGet(
      stream,
      {
        seq: fromSequence,
        batch: maxMessages,
        max_bytes: maxBytes,
        ...(subject === undefined ? {} : { next_by_subj: subject }),
      },
      messages,
      (pendingCount) => {
        ended = pendingCount === 0;
      },
    );
    // What has arrived is in order and without gaps, so it counts even when the rest did not come.
    if (failure !== undefined && messages.length === 0) return { kind: "unavailable", reason: failure };
    return { kind: "messages", messages, ended };
  }

  async lastBySubjects(stream: string, subjects: readonly string[]): Promise<MessagesOutcome> {
    const messages: StoredMessage[] = [];
    let leftOutCount = 0;
    const failure = await this.#directGet(stream, { multi_last: subjects }, messages, (pendingCount) => {
      leftOutCount = pendingCount;
    });
    if (failure !== undefined) return { kind: "unavailable", reason: failure };
    if (leftOutCount > 0) return { kind: "unavailable", reason: `${leftOutCount} messages were left out` };
    return { kind: "messages", messages };
  }

  /** Appends to `messages` what a direct get answers. Returns why it did not come to its end, if it did not. */
  async #directGet(
    stream: string,
    request: Record<string, unknown>,
    messages: StoredMessage[],
    atEnd: (pendingCount: number) => void,
  ): Promise<string | undefined> {
    let failure: string | undefined;
    // Messages of an answer may get lost on the way like any others, so each names the one before it.
    const follows = (message: Msg): boolean => {
      const previous = Number(message.headers?.last("Nats-Last-Sequence") ?? 0);
      if (previous === (messages.at(-1)?.sequence ?? 0)) return true;
      failure = `message ${previous} got lost on the way`;
      return false;
    };
    const ending = await this.#requests.ask(
      [{ subject: `$JS.API.DIRECT.GET.${stream}`, payload: encode(request) }],
      this.#timeoutMs,
      (message) => {
        const code = message.headers?.code ?? 0;
        if (code === 404) {
          atEnd(0);
          return true;
        }
        if (code === 204) {
          if (follows(message)) atEnd(Number(message.headers?.last("Nats-Num-Pending") ?? 0));
          return true;
        }
        if (code !== 0) {
          failure = `${message.headers?.description} (${code})`;
          return true;
        }
        if (!follows(message)) return true;
        messages.push(directMessage(message));
        return false;
      },
    );
    return failure ?? (ending.kind === "complete" ? undefined : reasonOf(ending));
  }

  async lastOfSubjectFromLeader(stream: string, subject: string): Promise<MessageOutcome> {
    const answer = await this.#api<LeaderMessageAnswer>(`STREAM.MSG.GET.${stream}`, {
      last_by_subj: subject,
    });
    if (typeof answer === "string") return { kind: "unavailable", reason: answer };
    const { error, message } = answer;
    if (error?.err_code === NO_MESSAGE) return { kind: "none" };
    if (error?.err_code === STREAM_NOT_FOUND) return { kind: "no-stream" };
    if (message === undefined)
      return { kind: "unavailable", reason: error === undefined ? "an empty answer" : errorText(error) };
    return { kind: "message", message: leaderMessage(message) };
  }

  async describeStream(stream: string): Promise<DescribeOutcome> {
    const answer = await this.#api<StreamInfoAnswer>(`STREAM.INFO.${stream}`, undefined);
    if (typeof answer === "string") return { kind: "unavailable", reason: answer };
    const { error } = answer;
    if (error?.err_code === STREAM_NOT_FOUND) return { kind: "no-stream" };
    if (error !== undefined) return { kind: "unavailable", reason: errorText(error) };
    return { kind: "stream", stream: streamDescription(answer) };
  }

  createStream(settings: StreamSettings): Promise<StreamChangeOutcome> {
    return this.#change(`STREAM.CREATE.${settings.name}`, configOf(settings));
  }

  updateStream(settings: StreamSettings): Promise<StreamChangeOutcome> {
    return this.#change(`STREAM.UPDATE.${settings.name}`, configOf(settings));
  }

  deleteStream(stream: string): Promise<StreamChangeOutcome> {
    return this.#change(`STREAM.DELETE.${stream}`, undefined);
  }

  async #change(operation: string, request: unknown): Promise<StreamChangeOutcome> {
    const answer = await this.#api<ApiAnswer>(operation, request);
    return typeof answer === "string" ? { kind: "unknown", reason: answer } : streamChangeOutcome(answer);
  }

  async listStreams(subjectFilter: string): Promise<ListOutcome> {
    const names: string[] = [];
    for (;;) {
      const answer = await this.#api<
        ApiAnswer & { readonly total: number; readonly streams?: readonly string[] | null }
      >("STREAM.NAMES", { subject: subjectFilter, offset: names.length });
      if (typeof answer === "string") return { kind: "unavailable", reason: answer };
      if (answer.error !== undefined) return { kind: "unavailable", reason: errorText(answer.error) };
      const page = answer.streams ?? [];
      names.push(...page);
      if (page.length === 0 || names.length >= answer.total) return { kind: "streams", names: names.sort() };
    }
  }

  async purge(stream: string, what: PurgeRequest): Promise<PurgeOutcome> {
    const answer = await this.#api<ApiAnswer & { readonly purged?: number }>(`STREAM.PURGE.${stream}`, {
      ...("subject" in what ? { filter: what.subject } : {}),
      ...(what.belowSequence === undefined ? {} : { seq: what.belowSequence }),
    });
    if (typeof answer === "string") return { kind: "unknown", reason: answer };
    const { error, purged = 0 } = answer;
    if (error?.err_code === STREAM_NOT_FOUND) return { kind: "no-stream" };
    if (error !== undefined) return { kind: "unknown", reason: errorText(error) };
    return { kind: "purged", messageCount: purged };
  }

  /** One answer of JetStream's API, or why there is none. */
  async #api<Answer extends ApiAnswer>(operation: string, request: unknown): Promise<Answer | string> {
    let answer: Answer | undefined;
    const payload = request === undefined ? EMPTY : encode(request);
    const ending = await this.#requests.ask(
      [{ subject: `$JS.API.${operation}`, payload }],
      this.#timeoutMs,
      (message) => {
        answer = answerOf<Answer>(message);
        return true;
      },
    );
    return answer ?? reasonOf(ending);
  }

  onStored(subjectFilter: string, listener: (announcement: StoredAnnouncement) => void): Subscription {
    return this.#listen(`${ANNOUNCEMENTS}.${subjectFilter}`, (message) => {
      const { sequence, subject } = directMessage(message);
      listener({ stream: message.headers?.last("Nats-Stream") ?? "", subject, sequence });
    });
  }

  send(subject: string, payload: Uint8Array): void {
    const maxBytes = this.#connection.info?.max_payload ?? Infinity;
    if (payload.byteLength > maxBytes)
      throw new RangeError(
        `a message of ${payload.byteLength} bytes is above max_payload, which is ${maxBytes}`,
      );
    if (!this.#connection.isClosed()) this.#connection.publish(subject, payload);
  }

  subscribe(
    subjectFilter: string,
    listener: (message: { readonly subject: string; readonly payload: Uint8Array }) => void,
  ): Subscription {
    return this.#listen(subjectFilter, ({ subject, data }) => listener({ subject, payload: data }));
  }

  async request(subject: string, payload: Uint8Array, timeoutMs: number): Promise<RequestOutcome> {
    let answer: Uint8Array | undefined;
    const ending = await this.#requests.ask([{ subject, payload }], timeoutMs, ({ data }) => {
      answer = data;
      return true;
    });
    if (answer !== undefined) return { kind: "answered", payload: answer };
    if (ending.kind === "nobody") return { kind: "nobody" };
    if (ending.kind === "too-large") return ending;
    return { kind: "unknown", reason: reasonOf(ending) };
  }

  respond(subject: string, handler: (payload: Uint8Array) => Promise<Uint8Array>): Subscription {
    return this.#listen(subject, (message) => {
      handler(message.data)
        .then((answer) => {
          if (!this.#connection.isClosed()) message.respond(answer);
        })
        // The asker's time-out is the answer.
        .catch(() => undefined);
    });
  }

  #listen(subject: string, listener: (message: Msg) => void): Subscription {
    const subscription = this.#connection.subscribe(subject, {
      callback: (error, message) => {
        if (error === null) listener(message);
      },
    });
    return { stop: () => subscription.unsubscribe() };
  }

  async describeServers(): Promise<ServersOutcome> {
    if (this.#systemRequests === undefined) {
      return {
        kind: "unavailable",
        reason: "servers describe themselves only to users of the system account",
      };
    }
    const answers: { readonly answer: ServerAnswer; readonly answeredMs: number }[] = [];
    let expectedCount: number | undefined;
    const askedMs = this.#clock.nowMs();
    const ending = await this.#systemRequests.ask(
      [{ subject: "$SYS.REQ.SERVER.PING.VARZ", payload: EMPTY }],
      this.#timeoutMs,
      (message) => {
        const answer = answerOf<ServerAnswer & ApiAnswer>(message);
        answers.push({ answer, answeredMs: this.#clock.nowMs() });
        const countedMax = answer.data?.jetstream?.meta?.cluster_size;
        if (countedMax !== undefined) expectedCount = Math.max(expectedCount ?? 0, countedMax);
        return expectedCount !== undefined && answers.length >= expectedCount;
      },
    );
    if (answers.length === 0) return { kind: "unavailable", reason: reasonOf(ending) };
    const servers = answers
      .map(({ answer, answeredMs }) => serverDescription(answer, askedMs, answeredMs))
      .sort((one, other) => (one.name < other.name ? -1 : 1));
    return { kind: "servers", servers, expectedCount };
  }

  async close(): Promise<void> {
    await Promise.all([this.#connection.close(), this.#system?.close()]);
  }
}

function expectationHeaders(
  stream: string,
  { lastSequence, lastSubjectSequence }: PublishExpectation,
): MsgHdrs {
  const fields = headers();
  // A subject that somebody gave to another stream must not take messages that were meant for this one.
  fields.set("Nats-Expected-Stream", stream);
  if (lastSequence !== undefined) fields.set("Nats-Expected-Last-Sequence", String(lastSequence));
  if (lastSubjectSequence !== undefined)
    fields.set("Nats-Expected-Last-Subject-Sequence", String(lastSubjectSequence));
  return fields;
}

function encode(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

function reasonOf(ending: Ending): string {
  return ending.kind === "complete" ? "the answer was cut off" : ending.reason;
}
