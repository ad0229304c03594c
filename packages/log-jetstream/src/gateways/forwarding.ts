/**
 * Appends go to the gateway that the log's group belongs to, so that one writer fills each append of a group and nobody fails another's
 * condition. Any gateway may append to any group, so whenever the owner cannot be asked the entry is appended here.
 */
import type { AppendOutcome, EncodedBatch, ShardLogId } from "@millrace/log";
import { PayloadBatch } from "@millrace/log";
import type { Clock } from "@millrace/runtime";
import type { Broker, RequestOutcome, Subscription } from "../broker/broker.ts";
import type { Presence } from "./presence.ts";
import { groupKey } from "./rendezvous.ts";

/** What became of an entry, and up to where its group's stream has to be read to find it. */
export interface Appended {
  readonly outcome: AppendOutcome;
  readonly sequence: number;
}

export interface ForwardingOptions {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly prefix: string;
  readonly session: string;
  readonly presence: Presence;
  /** Appends to a log through this gateway's own connection. */
  readonly appendHere: (logId: ShardLogId, batch: EncodedBatch) => Promise<Appended>;
  /** How long the owner may hold an entry, in milliseconds. */
  readonly holdMs: number;
}

/** A larger entry is appended where it is: it does not fit into a message, and has an append of its own in any case. */
const FORWARD_BYTES_MAX = 1 << 20;
/** An owner that has more than this of others under way takes nothing more of them. */
const SERVED_BYTES_MAX = 64 << 20;
/** So long a gateway that leaves goes on with what it does for others. */
const CLOSING_MS_MAX = 5_000;
/** Beyond what the owner may take: the way there and back. */
const WAY_MS = 5_000;

/** Where the entries of a group go at the moment. Entries keep their order, so all on one way have come before another is taken. */
interface Lane {
  to: string | undefined;
  underWayCount: number;
  /** Those that wait for another way, in order; the last of them. */
  turn: Promise<void> | undefined;
  drained: (() => void) | undefined;
}

export class Forwarding {
  readonly #options: ForwardingOptions;
  readonly #lanes = new Map<number, Lane>();
  /** What gives up waiting, by the gateway that is waited for. */
  readonly #waiting = new Map<string, Set<() => void>>();
  readonly #serving: Subscription;
  /** What is being appended for others. */
  #servedCount = 0;
  #servedBytes = 0;
  #whenIdle: (() => void) | undefined;

  constructor(options: ForwardingOptions) {
    this.#options = options;
    this.#serving = options.broker.respond(this.#subject(options.session), (request) => this.#serve(request));
  }

  /** Appends an entry to a log of a group, wherever it is done best. Entries of a group keep the order of the calls. */
  async append(group: number, logId: ShardLogId, batch: EncodedBatch): Promise<Appended> {
    const to =
      batch.byteLength > FORWARD_BYTES_MAX ? undefined : this.#options.presence.ownerOf(groupKey(group));
    let lane = this.#lanes.get(group);
    if (lane === undefined) {
      lane = { to, underWayCount: 0, turn: undefined, drained: undefined };
      this.#lanes.set(group, lane);
    }
    if (lane.turn !== undefined || (lane.to !== to && lane.underWayCount > 0)) await this.#turn(lane, to);
    else enter(lane, to);
    try {
      return to === undefined
        ? await this.#options.appendHere(logId, batch)
        : await this.#forward(to, logId, batch);
    } finally {
      lane.underWayCount -= 1;
      if (lane.underWayCount === 0) lane.drained?.();
    }
  }

  /** A group is no more. */
  forget(group: number): void {
    this.#lanes.delete(group);
  }

  /** What waits for a gateway that is gone hears that nobody knows. */
  gone(session: string): void {
    for (const giveUp of this.#waiting.get(session) ?? []) giveUp();
  }

  /** Serves nobody any more; resolves when what is being done for others is answered, or takes too long. */
  async close(): Promise<void> {
    if (this.#servedCount > 0) {
      await new Promise<void>((resolve) => {
        const patience = this.#options.clock.schedule(CLOSING_MS_MAX, resolve);
        this.#whenIdle = () => {
          patience.cancel();
          // The last answer goes out in this turn.
          this.#options.clock.soon(resolve);
        };
      });
    }
    this.#serving.stop();
  }

  /** Waits for its turn to enter the lane. */
  async #turn(lane: Lane, to: string | undefined): Promise<void> {
    const before = lane.turn;
    const own = (async () => {
      await before;
      if (lane.to !== to && lane.underWayCount > 0) {
        await new Promise<void>((resolve) => (lane.drained = resolve));
        lane.drained = undefined;
      }
      enter(lane, to);
    })();
    lane.turn = own;
    await own;
    if (lane.turn === own) lane.turn = undefined;
  }

  async #forward(to: string, logId: ShardLogId, batch: EncodedBatch): Promise<Appended> {
    const { broker, presence, holdMs, appendHere } = this.#options;
    const request = encodeEntry(logId, batch);
    const asked = broker.request(this.#subject(to), request, holdMs + WAY_MS);
    const outcome = await this.#unlessGone(to, asked);
    switch (outcome.kind) {
      case "answered": {
        const answer = readAnswer(outcome.payload);
        // An owner that has too much to do, or does not know what is asked of it, has stored nothing.
        return answer === undefined ? appendHere(logId, batch) : answer;
      }
      case "nobody":
        presence.gone(to);
        return appendHere(logId, batch);
      case "too-large":
        return appendHere(logId, batch);
      case "unknown":
        return { outcome: { kind: "unknown", reason: outcome.reason }, sequence: 0 };
    }
  }

  #unlessGone(session: string, asked: Promise<RequestOutcome>): Promise<RequestOutcome> {
    let waiting = this.#waiting.get(session);
    if (waiting === undefined) this.#waiting.set(session, (waiting = new Set()));
    const set = waiting;
    return new Promise((resolve, reject) => {
      const giveUp = (): void =>
        resolve({ kind: "unknown", reason: "the gateway that was to store it fell silent" });
      set.add(giveUp);
      asked.then(resolve, reject).finally(() => {
        set.delete(giveUp);
        if (set.size === 0 && this.#waiting.get(session) === set) this.#waiting.delete(session);
      });
    });
  }

  async #serve(request: Uint8Array): Promise<Uint8Array> {
    const entry = readEntry(request);
    if (entry === undefined || this.#servedBytes > SERVED_BYTES_MAX) return encodeAnswer(undefined);
    this.#servedCount += 1;
    this.#servedBytes += request.length;
    try {
      return encodeAnswer(await this.#options.appendHere(entry.logId, entry.batch));
    } finally {
      this.#servedCount -= 1;
      this.#servedBytes -= request.length;
      if (this.#servedCount === 0) this.#whenIdle?.();
    }
  }

  #subject(session: string): string {
    return `${this.#options.prefix}.gateway.${session}.append`;
  }
}

function enter(lane: Lane, to: string | undefined): void {
  lane.to = to;
  lane.underWayCount += 1;
}

/** Of an entry on its way: its log, how many records it has. */
const HEAD_BYTES = 12;

function encodeEntry(logId: ShardLogId, batch: EncodedBatch): Buffer {
  const bytes = Buffer.allocUnsafe(HEAD_BYTES + batch.byteLength);
  bytes.writeDoubleBE(logId, 0);
  bytes.writeUInt32BE(batch.recordCount, 8);
  batch.writeTo(bytes, HEAD_BYTES);
  return bytes;
}

function readEntry(
  request: Uint8Array,
): { readonly logId: ShardLogId; readonly batch: EncodedBatch } | undefined {
  if (request.length <= HEAD_BYTES) return undefined;
  const bytes = Buffer.from(request.buffer, request.byteOffset, request.byteLength);
  const logId = bytes.readDoubleBE(0);
  if (!Number.isSafeInteger(logId)) return undefined;
  return { logId, batch: new PayloadBatch(bytes.subarray(HEAD_BYTES), bytes.readUInt32BE(8)) };
}

function encodeAnswer(appended: Appended | undefined): Uint8Array {
  return Buffer.from(JSON.stringify(appended ?? null));
}

/** Undefined for one that says that nothing was done. What is no answer of ours says nothing about what was done. */
function readAnswer(payload: Uint8Array): Appended | undefined {
  try {
    return (JSON.parse(Buffer.from(payload).toString()) as Appended | null) ?? undefined;
  } catch {
    return { outcome: { kind: "unknown", reason: "the answer of its gateway cannot be read" }, sequence: 0 };
  }
}
