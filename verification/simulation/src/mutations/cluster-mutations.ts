/** Bugs of the cluster engine that the histories must find: rules of its protocol (docs/internals/cluster.md) left out. */
import type { ClusterProfile } from "../cluster/cluster-profile.ts";
import type { Mutation } from "./mutations.ts";

/** Nothing goes wrong but what a mutation makes of it; the gateways are rivals. */
const CALM: Partial<ClusterProfile> = {
  misfortunes: [],
  misfortunePauseMs: 0,
  faults: { lostNews: 1 },
  retention: false,
  largeEntryShare: 0,
  turnBytesMin: 128 << 10,
  appendCount: 16,
  troubleMs: 10_000,
  holdMs: 10_000,
  cacheBytes: 8 << 20,
  readPauseMs: 400,
};

export const clusterMutations: readonly Mutation<ClusterProfile>[] = [
  {
    name: "seal-as-fence",
    bug: "a log is closed in the state alone, which those who write to it learn of later",
    file: "packages/log-jetstream/src/jetstream-engine.ts",
    find: "return [logId, group === undefined ? 1 : await this.#group(group).endLog(logId)] as const;",
    replace:
      "if (group !== undefined) await this.#group(group).catchUp();" +
      "return [logId, group === undefined ? 1 : this.#group(group).tails.of(logId).nextIndex] as const;",
    checker: "closed-is-closed",
    profile: {
      ...CALM,
      gateways: 3,
      writers: 5,
      putPauseMs: 60,
      reshardPauseMs: 500,
      ownLogs: false,
      troubleMs: 4_000,
    },
    seedsMax: 5,
  },
  {
    name: "acknowledge-without-contiguity",
    bug: "appends are sent one behind the other, and each counts when it is stored, whatever became of the one before it (A2)",
    file: "packages/log-jetstream/src/groups/group-log.ts",
    find: "this.#publishing = this.#publish(messages, expected);\n    const outcome = await this.#publishing;",
    replace: `const outcomes = await Promise.all(
      messages.map(({ subject, payload }, at) =>
        this.#options.broker.publish(this.names.stream, subject, payload, { lastSequence: expected + at }),
      ),
    );
    for (const [at, { kind }] of outcomes.entries()) {
      if (kind === "stored") this.#arrived(ownGroupMessage(messages[at]!.payload));
    }
    const outcome: PublishOutcome = outcomes.every(({ kind }) => kind === "stored")
      ? outcomes.at(-1)!
      : { kind: "unknown", reason: "not all were stored" };`,
    checker: "closed-is-closed",
    // What stands behind one that was not stored has a number that is too high, or one that a rival has given out.
    orChecker: "one-total-order",
    profile: {
      ...CALM,
      gateways: 3,
      writers: 6,
      logs: 6,
      putPauseMs: 60,
      reshardPauseMs: 500,
      ownLogs: true,
      troubleMs: 4_000,
    },
    seedsMax: 12,
  },
  {
    name: "no-nothing-after-an-unknown-outcome",
    bug: "after an unknown outcome a gateway reads up to the end that it is told of, and goes on without proof that it is the end (A3)",
    file: "packages/log-jetstream/src/groups/group-log.ts",
    find: "const expected = this.#knownSequence;\n        this.#lastNumber += 1;",
    replace:
      "const expected = this.#knownSequence; this.#putBack(); this.#isSettled = true;" +
      "if (this.#isSettled) return;\n        this.#lastNumber += 1;",
    checker: "one-total-order",
    // A leader that the others do not see any more says that what it has proposed is not stored; one of them has it, and is elected.
    profile: {
      ...CALM,
      gateways: 2,
      writers: 2,
      logs: 2,
      troubleMs: 30_000,
      putPauseMs: 10,
      reshardPauseMs: 30_000,
      misfortunes: ["leader cut off"],
      misfortunePauseMs: 3_000,
    },
    seedsMax: 20,
  },
  {
    name: "passes-over-what-was-sent",
    bug: "a gateway that is far behind takes the newest message of each log although something that it sent has no outcome, and sends it again",
    file: "packages/log-jetstream/src/groups/group-log.ts",
    find: "sequence > this.#knownSequence && this.#underWay.length === 0 && !this.#isClosed;",
    replace: "sequence > this.#knownSequence && !this.#isClosed;",
    checker: "one-total-order",
    profile: {
      ...CALM,
      gateways: 2,
      writers: 6,
      logs: 2,
      putPauseMs: 10,
      reshardPauseMs: 30_000,
      faults: { lostNews: 1, lostAcknowledgement: 0.1 },
      quietMs: 0,
    },
    seedsMax: 10,
  },
  {
    name: "takes-a-turn-without-the-news",
    bug: "a gateway that is lent the next append learns how far the stream is, and not what has changed in its logs",
    file: "packages/log-jetstream/src/groups/group-log.ts",
    find: "const changed = logs.filter((log) => this.#tails.learn(log));",
    replace: "const changed = logs.slice(0, 0);",
    checker: "one-total-order",
    profile: {
      ...CALM,
      gateways: 2,
      writers: 4,
      logs: 2,
      putPauseMs: 20,
      reshardPauseMs: 30_000,
      faults: { lostNews: 0 },
      quietMs: 0,
      turnBytesMin: 1,
    },
    seedsMax: 5,
  },
];
