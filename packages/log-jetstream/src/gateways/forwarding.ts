/**
 * Appends go to the gateway that the log's group belongs to, so that one writer fills each append of a group and nobody fails another's
 * condition. What is large enough for an append of its own is appended here, in turn with the owner: its bytes go to the servers once. Any
 * gateway may append to any group, so whenever the owner cannot be asked the entry is appended here, too.
 */
import type { AppendOutcome, EncodedBatch, ShardLogId } from "@millrace/log";
import { PayloadBatch } from "@millrace/log";
import type { Clock } from "@millrace/runtime";
import type { Broker, Subscription } from "../broker/broker.ts";
import type { Asking } from "./asking.ts";
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
  readonly asking: Asking;
  /** Appends to a log through this gateway's own connection. */
  readonly appendHere: (logId: ShardLogId, batch: EncodedBatch) => Promise<Appended>;
  /** The same, after the owner of its group was asked for a turn. */
  readonly appendInTurn: (logId: ShardLogId, batch: EncodedBatch) => Promise<Appended>;
  /** From so many bytes on that wait together, they are worth a turn. */
  readonly turnBytesMin: number;
  /** How long the owner may hold an entry, in milliseconds. */
  readonly holdMs: number;
}

/** What fits into a message. */
const FORWARD_BYTES_MAX = 1 << 20;
/**
 * Messages of a group that are on their way to its owner at once. What comes meanwhile is the next one: the owner has an append under
 * way and fills the next, so one message for each of the two is what it can use.
 */
const MESSAGES_UNDER_WAY_MAX = 2;
/** An owner that has more than this of others under way takes nothing more of them. */
const SERVED_BYTES_MAX = 32 << 20;
/** So long a gateway that leaves goes on with what it does for others. */
const CLOSING_MS_MAX = 5_000;
/** Beyond what the owner may take: the way there and back. */
const WAY_MS = 5_000;

/** An entry that is to go to the owner of its group. */
interface Waiting {
  /** In the order of the calls. */
  readonly number: number;
  readonly logId: ShardLogId;
  readonly batch: EncodedBatch;
  readonly resolve: (appended: Appended | Promise<Appended>) => void;
}

/** Where the entries of a group go at the moment. Entries keep their order, so all on one way have come before another is taken. */
interface Lane {
  to: string | undefined;
  underWayCount: number;
  /** Those of them that are not on their way yet. */
  readonly waiting: Waiting[];
  messagesUnderWay: number;
  /** Bytes and entries that are appended here in turn with the owner. */
  inTurnBytes: number;
  inTurnCount: number;
  isGathering: boolean;
  /** Those that wait for another way, in order; the last of them. */
  turn: Promise<void> | undefined;
  drained: (() => void) | undefined;
}

export class Forwarding {
  readonly #options: ForwardingOptions;
  readonly #lanes = new Map<number, Lane>();
  readonly #serving: Subscription;
  readonly #turnBytesMin: number;
  #lastNumber = 0;
  /** What is being appended for others. */
  #servedCount = 0;
  #servedBytes = 0;
  #whenIdle: (() => void) | undefined;

  constructor(options: ForwardingOptions) {
    this.#options = options;
    this.#turnBytesMin = Math.min(options.turnBytesMin, FORWARD_BYTES_MAX);
    this.#serving = options.broker.respond(this.#subject(options.session), (request) => this.#serve(request));
  }

  /** Appends an entry to a log of a group, wherever it is done best. Entries of a group keep the order of the calls. */
  async append(group: number, logId: ShardLogId, batch: EncodedBatch): Promise<Appended> {
    const to = this.#ownerOf(group);
    let lane = this.#lanes.get(group);
    if (lane === undefined) {
      lane = {
        ...{ to, underWayCount: 0, waiting: [], messagesUnderWay: 0, isGathering: false },
        ...{ inTurnBytes: 0, inTurnCount: 0 },
        ...{ turn: undefined, drained: undefined },
      };
      this.#lanes.set(group, lane);
    }
    if (lane.turn !== undefined || (lane.to !== to && lane.underWayCount > 0)) await this.#turn(lane, to);
    else enter(lane, to);
    try {
      if (lane.waiting.length === 0) {
        // What could not be sent comes first, when it is appended here.
        if (to === undefined) return await this.#options.appendHere(logId, batch);
        // It may still come into the turn that is asked for.
        if (lane.inTurnBytes >= this.#turnBytesMin)
          return await this.#appendInTurn(group, lane, logId, batch);
      }
      return await new Promise<Appended>((resolve) => {
        this.#lastNumber += 1;
        lane.waiting.push({ number: this.#lastNumber, logId, batch, resolve });
        this.#gather(group, lane);
      });
    } finally {
      lane.underWayCount -= 1;
      if (lane.underWayCount === 0) lane.drained?.();
    }
  }

  /** A group is no more. */
  forget(group: number): void {
    this.#lanes.delete(group);
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

  #ownerOf(group: number): string | undefined {
    return this.#options.presence.ownerOf(groupKey(group));
  }

  /** What waits is sent when everything has come that comes in this turn. */
  #gather(group: number, lane: Lane): void {
    if (lane.isGathering || lane.inTurnCount > 0 || lane.messagesUnderWay >= MESSAGES_UNDER_WAY_MAX) return;
    lane.isGathering = true;
    this.#options.clock.soon(() => {
      lane.isGathering = false;
      void this.#send(group, lane);
    });
  }

  async #send(group: number, lane: Lane): Promise<void> {
    const { to } = lane;
    if (to === undefined || this.#ownerOf(group) !== to) {
      // What was sent comes before what was not.
      if (lane.messagesUnderWay > 0) return;
      for (const { logId, batch, resolve } of lane.waiting.splice(0))
        resolve(this.#options.appendHere(logId, batch));
      return;
    }
    if (bytesOf(lane.waiting) >= this.#turnBytesMin) {
      if (lane.messagesUnderWay > 0) return;
      for (const { logId, batch, resolve } of lane.waiting.splice(0))
        resolve(this.#appendInTurn(group, lane, logId, batch));
      return;
    }
    const entries = takeMessage(lane.waiting);
    if (entries.length === 0) return;
    lane.messagesUnderWay += 1;
    this.#gather(group, lane);
    if (!(await this.#forward(to, entries))) {
      // From here on its entries are appended here, until none is under way.
      lane.to = undefined;
      lane.waiting.push(...entries);
      lane.waiting.sort((one, other) => one.number - other.number);
    }
    lane.messagesUnderWay -= 1;
    if (lane.waiting.length > 0) this.#gather(group, lane);
  }

  async #appendInTurn(group: number, lane: Lane, logId: ShardLogId, batch: EncodedBatch): Promise<Appended> {
    lane.inTurnBytes += batch.byteLength;
    lane.inTurnCount += 1;
    try {
      return await this.#options.appendInTurn(logId, batch);
    } finally {
      lane.inTurnBytes -= batch.byteLength;
      lane.inTurnCount -= 1;
      if (lane.inTurnCount === 0 && lane.waiting.length > 0) this.#gather(group, lane);
    }
  }

  /** False when they are surely not stored. */
  async #forward(to: string, entries: readonly Waiting[]): Promise<boolean> {
    const { asking, presence, holdMs } = this.#options;
    const outcome = await asking.request(to, this.#subject(to), encodeEntries(entries), holdMs + WAY_MS);
    switch (outcome.kind) {
      case "answered": {
        const answers = readAnswer(outcome.payload, entries.length);
        // An owner that has too much to do, or does not know what is asked of it, has stored nothing.
        if (answers === undefined) return false;
        for (const [at, { resolve }] of entries.entries()) resolve(answers[at]!);
        return true;
      }
      case "nobody":
        presence.gone(to);
        return false;
      case "too-large":
        return false;
      case "unknown":
        for (const { resolve } of entries) resolve(unknown(outcome.reason));
        return true;
    }
  }

  async #serve(request: Uint8Array): Promise<Uint8Array> {
    const entries = readEntries(request);
    if (entries === undefined || this.#servedBytes > SERVED_BYTES_MAX) return encodeAnswer(undefined);
    this.#servedCount += 1;
    this.#servedBytes += request.length;
    try {
      const { appendHere } = this.#options;
      return encodeAnswer(await Promise.all(entries.map(({ logId, batch }) => appendHere(logId, batch))));
    } finally {
      this.#servedCount -= 1;
      this.#servedBytes -= request.length;
      if (this.#servedCount === 0) this.#whenIdle?.();
    }
  }

  #subject(session: string): string {
    return `${this.#options.prefix}.gateway.${session}.entries`;
  }
}

function enter(lane: Lane, to: string | undefined): void {
  lane.to = to;
  lane.underWayCount += 1;
}

function bytesOf(waiting: readonly Waiting[]): number {
  return waiting.reduce((sum, { batch }) => sum + batch.byteLength, 0);
}

/** The first of what waits, as much as one message takes; none when nothing waits. */
function takeMessage(waiting: Waiting[]): Waiting[] {
  let bytes = 0;
  let count = 0;
  for (const { batch } of waiting) {
    bytes += batch.byteLength;
    if (count > 0 && bytes > FORWARD_BYTES_MAX) break;
    count += 1;
  }
  return waiting.splice(0, count);
}

function unknown(reason: string): Appended {
  return { outcome: { kind: "unknown", reason }, sequence: 0 };
}

/** Of each entry on its way: its log, how many records it has and how many bytes. */
const HEAD_BYTES = 16;

function encodeEntries(entries: readonly Waiting[]): Buffer {
  const bytes = Buffer.allocUnsafe(
    entries.reduce((sum, { batch }) => sum + HEAD_BYTES + batch.byteLength, 0),
  );
  let at = 0;
  for (const { logId, batch } of entries) {
    bytes.writeDoubleBE(logId, at);
    bytes.writeUInt32BE(batch.recordCount, at + 8);
    bytes.writeUInt32BE(batch.byteLength, at + 12);
    batch.writeTo(bytes, at + HEAD_BYTES);
    at += HEAD_BYTES + batch.byteLength;
  }
  return bytes;
}

/** Undefined for what is no message of ours. */
function readEntries(
  request: Uint8Array,
): { readonly logId: ShardLogId; readonly batch: EncodedBatch }[] | undefined {
  const bytes = Buffer.from(request.buffer, request.byteOffset, request.byteLength);
  const entries: { readonly logId: ShardLogId; readonly batch: EncodedBatch }[] = [];
  for (let at = 0; at < bytes.length;) {
    if (at + HEAD_BYTES > bytes.length) return undefined;
    const logId = bytes.readDoubleBE(at);
    const end = at + HEAD_BYTES + bytes.readUInt32BE(at + 12);
    if (!Number.isSafeInteger(logId) || end === at + HEAD_BYTES || end > bytes.length) return undefined;
    const payload = bytes.subarray(at + HEAD_BYTES, end);
    entries.push({ logId, batch: new PayloadBatch(payload, bytes.readUInt32BE(at + 8)) });
    at = end;
  }
  return entries.length === 0 ? undefined : entries;
}

function encodeAnswer(appended: readonly Appended[] | undefined): Uint8Array {
  return Buffer.from(JSON.stringify(appended ?? null));
}

/** Undefined for one that says that nothing was done. What is no answer of ours says nothing about what was done. */
function readAnswer(payload: Uint8Array, count: number): readonly Appended[] | undefined {
  const answers = parsed(payload);
  if (answers === null) return undefined;
  if (Array.isArray(answers) && answers.length === count) return answers as readonly Appended[];
  return Array.from({ length: count }, () => unknown("the answer of its gateway cannot be read"));
}

/** Undefined for what is no JSON. */
function parsed(payload: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(payload).toString()) as unknown;
  } catch {
    return undefined;
  }
}
