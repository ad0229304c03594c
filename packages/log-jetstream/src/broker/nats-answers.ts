/** What JetStream's servers answer, as outcomes of the port. Numbers are the servers' own error codes. */
import type { Msg } from "@nats-io/transport-node";
import type {
  PublishOutcome,
  ServerDescription,
  StoredMessage,
  StreamChangeOutcome,
  StreamDescription,
  StreamSettings,
} from "./broker.ts";

interface ApiError {
  readonly code: number;
  readonly err_code?: number;
  readonly description?: string;
}

export interface ApiAnswer {
  readonly error?: ApiError;
}

export function answerOf<Answer extends ApiAnswer>(message: Msg): Answer {
  return JSON.parse(Buffer.from(message.data).toString("utf8")) as Answer;
}

export function errorText({ code, err_code: errorCode, description }: ApiError): string {
  return `${description ?? "no description"} (${errorCode ?? code})`;
}

export const NO_MESSAGE = 10_037;
export const STREAM_NOT_FOUND = 10_059;
const INSUFFICIENT_RESOURCES = 10_023;
const ACCOUNT_RESOURCES_EXCEEDED = 10_002;
const MESSAGE_TOO_LARGE = 10_054;
const STREAM_NAME_EXISTS = 10_058;
const STREAM_MISMATCH = 10_060;
const WRONG_LAST_SEQUENCE = 10_071;
const STORE_FAILED = 10_077;
const SEALED = 10_109;
const WRONG_LAST_SEQUENCE_UNSAID = 10_164;
const TOO_MANY_BATCHES = 10_210;

/** Codes that the leader answers before it proposes anything. Whatever is not in a list here may have been stored. */
const REFUSED_BEFORE_PROPOSAL = new Set([
  STREAM_MISMATCH,
  SEALED,
  10_174, // Atomic batches are not allowed in the stream.
  10_175,
  10_176, // Part of the batch did not arrive, for instance because the leader changed.
  10_177,
  10_179,
  10_199,
  10_200,
  10_201,
  TOO_MANY_BATCHES,
]);

/** Too few servers, or tags or zones do not allow it. */
const NO_SUITABLE_SERVERS = 10_005;

/** Codes with which a change of streams is refused for a reason that stays until somebody does something. */
const CHANGE_REFUSED = new Set([
  NO_SUITABLE_SERVERS,
  10_025,
  10_047, // Not enough storage.
  10_052, // Settings that make no sense, or cannot be changed.
  10_065, // Subjects of another stream.
  10_074, // Replicas without a cluster.
]);

interface PublishAnswer extends ApiAnswer {
  readonly stream?: string;
  readonly seq?: number;
}

export function publishOutcome(message: Msg, stream: string): PublishOutcome {
  const { error, seq, stream: stored } = answerOf<PublishAnswer>(message);
  if (error !== undefined) return publishRefusal(error);
  if (seq === undefined || stored !== stream) {
    return { kind: "unknown", reason: `stream ${String(stored)} answered for ${stream}` };
  }
  return { kind: "stored", sequence: seq };
}

function publishRefusal(error: ApiError): PublishOutcome {
  const code = error.err_code ?? 0;
  const reason = errorText(error);
  if (code === WRONG_LAST_SEQUENCE) {
    const last = /(\d+)$/.exec(error.description ?? "")?.[1];
    return { kind: "wrong-sequence", ...(last === undefined ? {} : { lastSequence: Number(last) }) };
  }
  if (code === WRONG_LAST_SEQUENCE_UNSAID) return { kind: "wrong-sequence" };
  if (code === MESSAGE_TOO_LARGE) return { kind: "refused", cause: "too-large", reason };
  if (code === INSUFFICIENT_RESOURCES || code === ACCOUNT_RESOURCES_EXCEEDED)
    return { kind: "refused", cause: "full", reason };
  if (code === STORE_FAILED) {
    // Limits are checked before the proposal. Any other failure is of one server's disk, after the commit.
    return /^maximum (?:bytes|messages) exceeded/.test(error.description ?? "")
      ? { kind: "refused", cause: "full", reason }
      : { kind: "unknown", reason };
  }
  return REFUSED_BEFORE_PROPOSAL.has(code)
    ? { kind: "refused", cause: "other", reason }
    : { kind: "unknown", reason };
}

export function streamChangeOutcome({ error }: ApiAnswer): StreamChangeOutcome {
  if (error === undefined) return { kind: "done" };
  if (error.err_code === STREAM_NAME_EXISTS) return { kind: "exists" };
  if (error.err_code === STREAM_NOT_FOUND) return { kind: "no-stream" };
  const reason = errorText(error);
  // A server that is away comes back: that is no reason to give up.
  const isPassing = error.err_code === NO_SUITABLE_SERVERS && reason.includes("peer offline");
  return CHANGE_REFUSED.has(error.err_code ?? 0) && !isPassing
    ? { kind: "refused", reason }
    : { kind: "unknown", reason };
}

/** The message in an answer of a direct get, or of a leader's announcement. */
export function directMessage(message: Msg): StoredMessage {
  const header = (name: string): string => message.headers?.last(name) ?? "";
  return {
    sequence: Number(header("Nats-Sequence")),
    subject: header("Nats-Subject"),
    payload: message.data,
    timeMs: Date.parse(header("Nats-Time-Stamp")),
  };
}

export interface LeaderMessageAnswer extends ApiAnswer {
  readonly message?: {
    readonly subject: string;
    readonly seq: number;
    readonly data?: string;
    readonly time: string;
  };
}

export function leaderMessage({
  subject,
  seq,
  data = "",
  time,
}: NonNullable<LeaderMessageAnswer["message"]>): StoredMessage {
  return { subject, sequence: seq, payload: Buffer.from(data, "base64"), timeMs: Date.parse(time) };
}

/** The first token of the subjects under which leaders announce what they stored. */
export const ANNOUNCEMENTS = "millrace-stored";

interface StreamConfig {
  readonly name: string;
  readonly subjects?: readonly string[];
  readonly num_replicas: number;
  readonly max_bytes: number;
  readonly max_msgs_per_subject: number;
  readonly placement?: { readonly tags?: readonly string[] };
  readonly republish?: { readonly dest: string };
}

export function configOf(settings: StreamSettings): Record<string, unknown> {
  const { name, subjects, replicas, placementTags, maxBytes, messagesPerSubjectMax, announced } = settings;
  return {
    name,
    subjects,
    num_replicas: replicas,
    ...(placementTags === undefined ? {} : { placement: { tags: placementTags } }),
    max_bytes: maxBytes ?? -1,
    max_msgs_per_subject: messagesPerSubjectMax ?? -1,
    ...(announced === true
      ? { republish: { src: ">", dest: `${ANNOUNCEMENTS}.>`, headers_only: true } }
      : {}),
    retention: "limits",
    storage: "file",
    // A full stream must refuse: dropping the oldest would lose what was acknowledged.
    discard: "new",
    max_age: 0,
    max_msgs: -1,
    deny_delete: true,
    deny_purge: false,
    allow_direct: true,
    allow_atomic: true,
  };
}

function settingsOf(config: StreamConfig): StreamSettings {
  return {
    name: config.name,
    subjects: config.subjects ?? [],
    replicas: config.num_replicas,
    ...(config.placement?.tags === undefined ? {} : { placementTags: config.placement.tags }),
    ...(config.max_bytes > 0 ? { maxBytes: config.max_bytes } : {}),
    ...(config.max_msgs_per_subject > 0 ? { messagesPerSubjectMax: config.max_msgs_per_subject } : {}),
    ...(config.republish?.dest === `${ANNOUNCEMENTS}.>` ? { announced: true } : {}),
  };
}

export interface StreamInfoAnswer extends ApiAnswer {
  readonly config: StreamConfig;
  readonly created: string;
  readonly state: {
    readonly messages: number;
    readonly bytes: number;
    readonly first_seq: number;
    readonly last_seq: number;
  };
  readonly cluster?: {
    readonly leader?: string;
    readonly replicas?: readonly {
      readonly name: string;
      readonly current: boolean;
      readonly offline?: boolean;
      readonly lag?: number;
    }[];
  };
}

export function streamDescription({ config, created, state, cluster }: StreamInfoAnswer): StreamDescription {
  return {
    settings: settingsOf(config),
    created,
    // A stream that never had a message says 0.
    firstSequence: state.messages === 0 ? state.last_seq + 1 : state.first_seq,
    lastSequence: state.last_seq,
    messageCount: state.messages,
    storedBytes: state.bytes,
    leader: cluster?.leader ?? "",
    followers: (cluster?.replicas ?? []).map(({ name, current, offline = false, lag = 0 }) => ({
      server: name,
      isCurrent: current,
      isOffline: offline,
      lagOperations: lag,
    })),
  };
}

export interface ServerAnswer {
  readonly server: { readonly name: string; readonly ver: string; readonly cluster?: string };
  readonly data?: {
    readonly now: string;
    readonly max_payload: number;
    readonly tags?: readonly string[];
    readonly jetstream?: {
      readonly config?: {
        readonly sync_always?: boolean;
        readonly unique_tag?: string;
        readonly max_storage: number;
      };
      readonly stats?: { readonly storage: number; readonly ha_assets: number };
      readonly meta?: { readonly leader?: string; readonly cluster_size: number };
    };
  };
}

/** `askedMs` and `answeredMs` are by the clock of this machine. */
export function serverDescription(
  { server, data }: ServerAnswer,
  askedMs: number,
  answeredMs: number,
): ServerDescription {
  const { config, stats, meta } = data?.jetstream ?? {};
  return {
    name: server.name,
    version: server.ver,
    cluster: server.cluster,
    tags: (data?.tags ?? []).map((tag) => tag.toLowerCase()),
    maxPayloadBytes: data?.max_payload ?? 0,
    clockAheadMs: Date.parse(data?.now ?? "") - (askedMs + answeredMs) / 2,
    clockUncertaintyMs: (answeredMs - askedMs) / 2,
    jetStream:
      config === undefined
        ? undefined
        : {
            syncsAlways: config.sync_always === true,
            uniqueTag: config.unique_tag,
            storeBytesMax: config.max_storage,
            storedBytes: stats?.storage ?? 0,
            replicatedAssetCount: stats?.ha_assets ?? 0,
            metaLeader: meta?.leader,
          },
  };
}
