/** How a gateway begins to know the logs of a group: in the middle, by the newest message of each. */
import type { ShardLogId } from "@millrace/log";
import type { Clock, Logger } from "@millrace/runtime";
import type { Broker, StoredMessage } from "../broker/broker.ts";
import { endsEntry, type GroupMessage } from "./group-message.ts";
import type { GroupNames } from "./group-names.ts";
import { decodedMessage, intactMessage } from "./intact-message.ts";
import type { LogTails } from "./log-tails.ts";

export interface BeginOptions {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly log: Logger;
  readonly crash: (reason: string, cause?: unknown) => never;
  readonly names: GroupNames;
  readonly tails: LogTails;
}

const READ_BYTES = 4 << 20;
const READ_MESSAGES = 1_000;
const RETRY_DELAY_MS = 20;

/**
 * From the newest message of every subject: they say all about the prefix of the stream that ends with the newest of them. Tells
 * whether it was done: a replica that is in the middle of an append is to be asked again.
 */
export async function beginTails(options: BeginOptions, newest: readonly StoredMessage[]): Promise<boolean> {
  const { crash, names, tails } = options;
  const { intact, damaged } = await read(options, newest);
  if (intact.some(isUnfinished)) return false;
  for (const { message, sequence } of closesFirst(intact)) tails.begin(message, sequence);
  const knownSequence = newest.at(-1)?.sequence ?? 0;
  for (const [logId, sequence] of damaged) {
    if (!(await beginWithWhole(options, logId, sequence, knownSequence)))
      crash(
        `nothing of log ${logId} in stream ${names.stream} can be read: it is not known where it goes on`,
      );
  }
  return true;
}

/**
 * The same for a gateway that knows an older prefix, if it still wants it when they have been looked at. Returns the logs that have
 * changed; undefined when nothing was done, because what lies between has to be read one by one.
 */
export async function passOver(
  options: Pick<BeginOptions, "broker" | "clock" | "names" | "tails">,
  newest: readonly StoredMessage[],
  isWanted: () => boolean,
): Promise<Set<ShardLogId> | undefined> {
  const { tails } = options;
  const { intact, damaged } = await read(options, newest);
  if (damaged.size > 0 || intact.some(isUnfinished) || !isWanted()) return undefined;
  const changed = closesFirst(intact).filter(({ message, sequence }) => tails.begin(message, sequence));
  return new Set(changed.map(({ message }) => message.logId));
}

interface Intact {
  readonly message: GroupMessage;
  readonly sequence: number;
}

async function read(
  { broker, clock, names }: Pick<BeginOptions, "broker" | "clock" | "names">,
  newest: readonly StoredMessage[],
): Promise<{ readonly intact: readonly Intact[]; readonly damaged: ReadonlyMap<ShardLogId, number> }> {
  const damaged = new Map<ShardLogId, number>();
  const intact: Intact[] = [];
  for (const stored of newest) {
    const message =
      decodedMessage(names.stream, stored) ?? (await intactMessage(broker, clock, names.stream, stored));
    const logId = names.logOf(stored.subject);
    if (message !== undefined) intact.push({ message, sequence: stored.sequence });
    else if (logId !== undefined) damaged.set(logId, stored.sequence);
  }
  return { intact, damaged };
}

function isUnfinished({ message: { part, partCount } }: Intact): boolean {
  return part < partCount - 1;
}

/** A close counts before the entries of its log do. */
function closesFirst(intact: readonly Intact[]): Intact[] {
  const isClose = ({ message }: Intact): boolean => message.kind === "close";
  return [...intact.filter(isClose), ...intact.filter((one) => !isClose(one))];
}

/** By all messages of a log, where the newest cannot be read; tells whether an entry could. */
async function beginWithWhole(
  { broker, clock, log, names, tails }: BeginOptions,
  logId: ShardLogId,
  lastSequence: number,
  knownSequence: number,
): Promise<boolean> {
  tails.beginAnywhere(logId);
  for (let sequence = 0; sequence < lastSequence;) {
    const outcome = await broker.read(names.stream, {
      ...{ fromSequence: sequence + 1, subject: names.whole(logId) },
      ...{ maxBytes: READ_BYTES, maxMessages: READ_MESSAGES },
    });
    for (const stored of outcome.kind === "messages" ? outcome.messages : []) {
      if (stored.sequence > knownSequence) break;
      ({ sequence } = stored);
      const message =
        decodedMessage(names.stream, stored) ?? (await intactMessage(broker, clock, names.stream, stored));
      if (message === undefined) applyDamaged(log, names, tails, stored);
      else tails.apply(message, sequence, false);
    }
    // The replica that answers next may be further.
    if (sequence < lastSequence) await clock.sleep(RETRY_DELAY_MS);
  }
  return tails.of(logId).lastArrivalMs > 0;
}

/** Takes note of a message that no replica has as it was written; of the log that has become longer by it, or has ended. */
export function applyDamaged(
  log: Logger,
  { stream, logOf, isClose }: GroupNames,
  tails: LogTails,
  { sequence, subject, payload }: StoredMessage,
): ShardLogId | undefined {
  const logId = logOf(subject);
  log.error("a message of a log group is damaged on every server that answered", {
    stream,
    sequence,
    subject,
  });
  if (logId === undefined) return undefined;
  const what = isClose(subject) ? "close" : endsEntry(payload) ? "end" : "part";
  return tails.applyDamaged(logId, sequence, what) ? logId : undefined;
}
