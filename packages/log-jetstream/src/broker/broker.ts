/**
 * A narrow port to a NATS JetStream cluster: what the cluster engine needs of it and nothing more. A gateway's whole
 * knowledge of the cluster goes through here, so that a simulated cluster can take the real one's place.
 *
 * Nothing here rejects because of the cluster: a server that is away, a leader that changes and an answer that was lost are
 * outcomes. Rejections and throws are for callers' bugs. Sequences are those of a stream, from 1 up, and never used again.
 */
export interface Broker {
  /**
   * Appends one message to a stream, once: nothing here is ever tried a second time.
   *
   * The expectations are checked by the stream's leader against what it has *proposed*, which is ahead of what is stored. So
   * a publish may be stored although an earlier one from the same caller was refused: whoever pipelines has to look at the
   * sequences (docs/internals/cluster.md, rule A2).
   */
  publish(
    stream: string,
    subject: string,
    payload: Uint8Array,
    expectation?: PublishExpectation,
  ): Promise<PublishOutcome>;

  /**
   * Appends all messages at consecutive sequences, or none of them. `sequence` of the outcome is that of the last one. At
   * least 1 and at most {@link BATCH_MESSAGES_MAX} messages; 50 batches may be under way in one stream.
   */
  publishBatch(
    stream: string,
    messages: readonly MessageToPublish[],
    expectation?: PublishExpectation,
  ): Promise<PublishOutcome>;

  /**
   * Messages from a sequence on, in order, from *any* replica. A replica may be behind, so the end that it sees may be an old
   * one; it never shows anything that is not stored, and never leaves out one in the middle.
   */
  read(stream: string, request: ReadRequest): Promise<ReadOutcome>;

  /**
   * The newest message of each subject, in order of sequence, from any replica (which may be behind). Subjects may have
   * wildcards; more than 1,024 messages or 64 MiB are `unavailable`.
   */
  lastBySubjects(stream: string, subjects: readonly string[]): Promise<MessagesOutcome>;

  /**
   * One message as the stream's leader has it: the newest of a subject. A leader that was deposed without knowing it yet
   * may answer, too: only a publish with an expectation proves that nothing is missing.
   */
  lastOfSubjectFromLeader(stream: string, subject: string): Promise<MessageOutcome>;

  /** What the stream's leader says about it, with the same reservation. */
  describeStream(stream: string): Promise<DescribeOutcome>;

  /** Creates a stream. Doing it again with the same settings changes nothing and is `done`. */
  createStream(settings: StreamSettings): Promise<StreamChangeOutcome>;
  updateStream(settings: StreamSettings): Promise<StreamChangeOutcome>;
  /** Deletes a stream and all its messages. One that is not there is `no-stream`. */
  deleteStream(stream: string): Promise<StreamChangeOutcome>;
  /** Names of all streams with a subject that matches, sorted. */
  listStreams(subjectFilter: string): Promise<ListOutcome>;

  /** Forgets messages for good; their sequences are not used again. */
  purge(stream: string, what: PurgeRequest): Promise<PurgeOutcome>;

  /**
   * Calls back after messages were stored in streams that announce (see {@link StreamSettings.announced}). Only a hint: it
   * comes from the leader after the commit, without payload, may come late and may get lost. The listener must not throw.
   */
  onStored(subjectFilter: string, listener: (announcement: StoredAnnouncement) => void): Subscription;

  /**
   * Sends to whoever listens at this moment. May get lost without a word.
   *
   * @throws {RangeError} when the payload is above what servers take.
   */
  send(subject: string, payload: Uint8Array): void;
  /**
   * Hears what is sent to subjects from now on. Not for a stream's own subjects: publishes are heard there before anybody
   * decides about them, and as long as somebody listens a publish without a leader is `unknown` rather than `refused`.
   */
  subscribe(
    subjectFilter: string,
    listener: (message: { readonly subject: string; readonly payload: Uint8Array }) => void,
  ): Subscription;

  /** Asks whoever serves the subject. */
  request(subject: string, payload: Uint8Array, timeoutMs: number): Promise<RequestOutcome>;
  /** Serves a subject. A handler that rejects, or answers too much, leaves the asker without an answer. */
  respond(subject: string, handler: (payload: Uint8Array) => Promise<Uint8Array>): Subscription;

  /** Every server that answers within the time limit: the facts of start-up checks and of `cluster status`. */
  describeServers(): Promise<ServersOutcome>;

  /** Ends the connection. What is under way becomes `unknown` or `unavailable`. */
  close(): Promise<void>;
}

/** Messages that one atomic batch may have; the server's own limit. */
export const BATCH_MESSAGES_MAX = 1_000;

export interface MessageToPublish {
  readonly subject: string;
  readonly payload: Uint8Array;
}

export interface PublishExpectation {
  /** The sequence of the newest message of the whole stream; 0 when it never had one. */
  readonly lastSequence?: number;
  /** The sequence of the newest message of the (first) message's own subject; 0 when there is none. */
  readonly lastSubjectSequence?: number;
}

export type PublishOutcome =
  /** Durable on a majority of the replicas. */
  | { readonly kind: "stored"; readonly sequence: number }
  /**
   * Surely not stored. `lastSequence`, where the server says it, is what that leader had *proposed*: some of it may never be
   * stored, and a leader that was deposed names an old one. It is a hint where to read on to, not a fact to build on.
   */
  | { readonly kind: "wrong-sequence"; readonly lastSequence?: number }
  /** Surely not stored, and never will be. */
  | { readonly kind: "refused"; readonly cause: RefusalCause; readonly reason: string }
  /** May have been stored, may still be, or not: the answer got lost, or took too long. */
  | { readonly kind: "unknown"; readonly reason: string };

/**
 * `unreachable`: nobody takes messages for the stream at the moment, because there is no connection, no leader, or no such
 * stream (see {@link Broker.describeStream}); `full`: it is at its byte limit or the servers at theirs; `too-large`; `other`.
 */
export type RefusalCause = "unreachable" | "full" | "too-large" | "other";

export interface StoredMessage {
  readonly sequence: number;
  readonly subject: string;
  readonly payload: Uint8Array;
  /** The clock of the leader of that moment, milliseconds since the epoch. May step back when the leader changes. */
  readonly timeMs: number;
}

export interface ReadRequest {
  /** At least 1. */
  readonly fromSequence: number;
  /** Only messages of this subject, which may have wildcards. */
  readonly subject?: string;
  /** The message that reaches it is the last one. */
  readonly maxBytes: number;
  readonly maxMessages: number;
}

export type ReadOutcome =
  | {
      readonly kind: "messages";
      readonly messages: readonly StoredMessage[];
      /** True when the replica had nothing more that matches. */
      readonly ended: boolean;
    }
  | Unavailable;

export type MessagesOutcome =
  | { readonly kind: "messages"; readonly messages: readonly StoredMessage[] }
  | Unavailable;

export type MessageOutcome =
  | { readonly kind: "message"; readonly message: StoredMessage }
  | { readonly kind: "none" }
  | NoStream
  | Unavailable;

/** Nobody answered, or not in time; nothing was changed by it. Ask again. */
export interface Unavailable {
  readonly kind: "unavailable";
  readonly reason: string;
}

export interface NoStream {
  readonly kind: "no-stream";
}

/**
 * What can be chosen about a stream. What cannot: messages are kept in files on every replica until they are purged, a full
 * stream refuses, single messages cannot be deleted, and any replica serves reads.
 */
export interface StreamSettings {
  /** Letters, digits, `-` and `_`. */
  readonly name: string;
  readonly subjects: readonly string[];
  readonly replicas: number;
  /** Only servers with all of these tags. */
  readonly placementTags?: readonly string[];
  /** Bytes on each replica, overhead included. Default: no limit. */
  readonly maxBytes?: number;
  /** Of each subject only this many of the newest messages are kept. Default: all. */
  readonly messagesPerSubjectMax?: number;
  /** Whether {@link Broker.onStored} hears of messages. Default: false. */
  readonly announced?: boolean;
}

export interface StreamDescription {
  readonly settings: StreamSettings;
  /** Of the stream's incarnation, RFC 3339: a stream that was deleted and created again has another one. */
  readonly created: string;
  /** The sequence of the oldest message; one more than `lastSequence` when there is none. */
  readonly firstSequence: number;
  /** The highest sequence that was ever used; 0 when none was. */
  readonly lastSequence: number;
  readonly messageCount: number;
  readonly storedBytes: number;
  readonly leader: string;
  /** The other replicas. */
  readonly followers: readonly FollowerDescription[];
}

export interface FollowerDescription {
  readonly server: string;
  /** Seen recently, and not behind. */
  readonly isCurrent: boolean;
  readonly isOffline: boolean;
  /** How many operations it is behind the leader. */
  readonly lagOperations: number;
}

export type DescribeOutcome =
  | { readonly kind: "stream"; readonly stream: StreamDescription }
  | NoStream
  | Unavailable;

export type StreamChangeOutcome =
  | { readonly kind: "done" }
  /** There is one of that name with other settings. */
  | { readonly kind: "exists" }
  | NoStream
  /** The cluster will not do it as things are: too few servers, too few zones, subjects of another stream. */
  | { readonly kind: "refused"; readonly reason: string }
  | { readonly kind: "unknown"; readonly reason: string };

export type ListOutcome = { readonly kind: "streams"; readonly names: readonly string[] } | Unavailable;

export type PurgeRequest =
  /** All messages below a sequence. */
  | { readonly belowSequence: number }
  /** All messages of a subject, which may have wildcards; with `belowSequence` only those below it. */
  | { readonly subject: string; readonly belowSequence?: number };

export type PurgeOutcome =
  | { readonly kind: "purged"; readonly messageCount: number }
  | NoStream
  | { readonly kind: "unknown"; readonly reason: string };

export interface StoredAnnouncement {
  readonly stream: string;
  readonly subject: string;
  readonly sequence: number;
}

export interface Subscription {
  /** Nothing is delivered any more. */
  stop(): void;
}

export type RequestOutcome =
  | { readonly kind: "answered"; readonly payload: Uint8Array }
  /** Nobody serves the subject: surely nothing was done. */
  | { readonly kind: "nobody" }
  /** Above the payload that servers take: nothing was sent. */
  | { readonly kind: "too-large"; readonly reason: string }
  | { readonly kind: "unknown"; readonly reason: string };

export type ServersOutcome =
  | {
      readonly kind: "servers";
      readonly servers: readonly ServerDescription[];
      /** How many the cluster says that it has; undefined when no server says. */
      readonly expectedCount: number | undefined;
    }
  | Unavailable;

export interface ServerDescription {
  readonly name: string;
  readonly version: string;
  readonly cluster: string | undefined;
  /** Such as `az:a`, in lower case. */
  readonly tags: readonly string[];
  readonly maxPayloadBytes: number;
  /** How far its clock is ahead of this machine's. */
  readonly clockAheadMs: number;
  /** How wrong that may be: half of the time in which it answered. */
  readonly clockUncertaintyMs: number;
  /** Undefined when the server does not run JetStream. */
  readonly jetStream: JetStreamDescription | undefined;
}

export interface JetStreamDescription {
  /** Whether it syncs before it answers. */
  readonly syncsAlways: boolean;
  /** The prefix of the tag in which replicas of a stream must differ, such as `az:`. */
  readonly uniqueTag: string | undefined;
  readonly storeBytesMax: number;
  readonly storedBytes: number;
  /** Replicated streams and consumers with a replica on this server. */
  readonly replicatedAssetCount: number;
  /** Who leads the cluster's catalog, as this server knows it. */
  readonly metaLeader: string | undefined;
}
