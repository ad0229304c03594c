/**
 * Gives back what nobody can read any more: entries below the trim point of their log, logs that were dropped, groups that hold none.
 * All of it may be done by any gateway, at any time, more than once, and not at all: nothing depends on it but the disks.
 */
import type { ShardLogId } from "@millrace/log";
import type { Broker, StoredMessage } from "../broker/broker.ts";
import type { ClusterLog, StateMachine } from "../state/state-machine.ts";
import type { GroupLog } from "./group-log.ts";
import { encodeGroupMessage } from "./group-message.ts";
import { type GroupNames, groupNames } from "./group-names.ts";
import type { GroupReader } from "./group-reader.ts";

export interface PurgingOptions {
  readonly broker: Broker;
  readonly prefix: string;
  readonly session: string;
  readonly machine: StateMachine;
  readonly reader: GroupReader;
  readonly groupOf: (group: number) => GroupLog;
  /** Resolves to true when the state here is at least as new as when this was called. */
  readonly renew: () => Promise<boolean>;
}

export class Purging {
  readonly #options: PurgingOptions;
  /** Up to which index each log was purged here. */
  readonly #purged = new Map<ShardLogId, number>();
  #isRunning = false;

  constructor(options: PurgingOptions) {
    this.#options = options;
  }

  /** One pass over everything that is known. Resolves to how many messages are gone. */
  async pass(): Promise<number> {
    if (this.#isRunning) return 0;
    this.#isRunning = true;
    try {
      let count = 0;
      const { machine } = this.#options;
      for (const [logId, log] of machine.logs) count += await this.#purgeTrimmed(logId, log);
      return count + (await this.#purgeDropped());
    } finally {
      this.#isRunning = false;
    }
  }

  /** The newest entry of a log stays: by it a gateway learns where the log goes on. */
  async #purgeTrimmed(
    logId: ShardLogId,
    { group: number, trimIndex, endIndex }: ClusterLog,
  ): Promise<number> {
    if (trimIndex <= (this.#purged.get(logId) ?? 1)) return 0;
    const { broker, groupOf, machine, reader } = this.#options;
    const group = groupOf(number);
    // Who trimmed it may know more of it.
    await group.catchUp();
    const lastIndex = (endIndex ?? group.tails.of(logId).nextIndex) - 1;
    const firstIndex = Math.min(trimIndex, lastIndex);
    const isThere = (): boolean => machine.logs.has(logId);
    const found = await reader.find(group, logId, ({ index }) => index >= firstIndex, isThere);
    // What stands behind the last one that may go stays, also when it cannot be read.
    if (found?.before === undefined || !isThere()) return 0;
    const outcome = await broker.purge(group.names.stream, {
      subject: group.names.entries(logId),
      belowSequence: found.before.nextSequence,
    });
    if (outcome.kind !== "purged") return 0;
    this.#purged.set(logId, trimIndex);
    return outcome.messageCount;
  }

  /** Subjects of logs that are no more, and streams of groups that have none. */
  async #purgeDropped(): Promise<number> {
    const { broker, machine, prefix, renew } = this.#options;
    const listed = await broker.listStreams(`${prefix}.g.*.>`);
    // Whatever was seen was in the state before. What the renewed state does not know is no more.
    if (listed.kind !== "streams" || !(await renew())) return 0;
    let count = 0;
    for (const name of listed.names) {
      const group = groupNumberOf(prefix, name);
      if (group === undefined) continue;
      if (!machine.groups.has(group)) {
        await broker.deleteStream(name);
        continue;
      }
      count += await this.#purgeDroppedLogs(group);
    }
    return count;
  }

  async #purgeDroppedLogs(group: number): Promise<number> {
    const { broker, machine, prefix } = this.#options;
    const names = groupNames(prefix, group);
    const last = await broker.lastBySubjects(names.stream, [names.all]);
    if (last.kind !== "messages") return 0;
    const isUnknown = (logId: ShardLogId | undefined): logId is ShardLogId =>
      logId !== undefined && !machine.logs.has(logId);
    const subjects = last.messages
      .map(({ subject }) => subject)
      .filter((subject) => isUnknown(names.logOf(subject)));
    const newest = last.messages.at(-1);
    // The same again with the logs: one that another gateway has just made is not known here yet.
    if (newest === undefined || subjects.length === 0 || !(await this.#options.renew())) return 0;
    const belowSequence = await this.#belowNewest(names, newest, isUnknown(names.logOf(newest.subject)));
    let count = 0;
    for (const subject of subjects) {
      const logId = names.logOf(subject);
      if (!isUnknown(logId)) continue;
      const outcome = await broker.purge(names.stream, { subject, belowSequence });
      if (outcome.kind === "purged") count += outcome.messageCount;
      this.#purged.delete(logId);
    }
    return count;
  }

  /**
   * Below which sequence anything may be purged: the newest message of a stream stays, because whoever reads up to where the leader has it
   * would wait for ever for one that is gone. Behind one that should go a *nothing* is appended.
   */
  async #belowNewest(names: GroupNames, newest: StoredMessage, isToGo: boolean): Promise<number> {
    if (!isToGo) return newest.sequence;
    const nothing = encodeGroupMessage({
      ...{ kind: "nothing", session: this.#options.session, number: 0, logId: 0, index: 0, arrivalMs: 0 },
      ...{ recordCount: 0, part: 0, partCount: 1, payload: Buffer.alloc(0) },
    });
    const outcome = await this.#options.broker.publish(names.stream, names.nothing, nothing, {
      lastSequence: newest.sequence,
    });
    return outcome.kind === "stored" ? outcome.sequence : newest.sequence;
  }
}

function groupNumberOf(prefix: string, stream: string): number | undefined {
  const found = stream.startsWith(`${prefix}_g`) ? /^\d+$/.exec(stream.slice(prefix.length + 2)) : null;
  return found === null ? undefined : Number(found[0]);
}
