/** Where a feed puts its entries: JetStream itself, or the log engine over it. */
import { joinCluster, connectNatsBroker } from "@millrace/log-jetstream";
import { PayloadBatch } from "@millrace/log";
import { nodeRuntime } from "@millrace/runtime";
import { connect, headers, nuid } from "@nats-io/transport-node";
import type { NatsConnection } from "@nats-io/transport-node";
import type { FedShard, FeedPlan } from "./feed-plan.ts";
import { RawGroup } from "./raw-group.ts";
import type { RawEntry } from "./raw-group.ts";

export interface FeedTarget {
  /** Resolves when the entry is acknowledged; rejects when it was not stored, or nobody knows. */
  append(shard: FedShard, payload: Buffer): Promise<void>;
  close(): Promise<void>;
}

export function openTarget(plan: FeedPlan): Promise<FeedTarget> {
  return plan.kind === "raw" ? openRaw(plan) : openEngine(plan);
}

const ANSWER_TIMEOUT_MS = 30_000;

async function openRaw({ servers, user, password, prefix }: FeedPlan): Promise<FeedTarget> {
  const connection = await connect({ servers: [...servers], user, pass: password, noAsyncTraces: true });
  const groups = new Map<number, RawGroup>();
  return {
    append({ group: number, logId }, payload) {
      let group = groups.get(number);
      if (group === undefined) {
        group = new RawGroup((entries) => publishRaw(connection, entries));
        groups.set(number, group);
      }
      return group.append({ subject: `${prefix}.g.${number}.log.${logId}`, payload });
    },
    close: () => connection.close(),
  };
}

async function publishRaw(connection: NatsConnection, entries: readonly RawEntry[]): Promise<void> {
  const last = entries.at(-1)!;
  const options = { timeout: ANSWER_TIMEOUT_MS };
  if (entries.length === 1) {
    acknowledged((await connection.request(last.subject, last.payload, options)).string());
    return;
  }
  const batchId = nuid.next();
  const fields = (at: number) => {
    const of = headers();
    of.set("Nats-Batch-Id", batchId);
    of.set("Nats-Batch-Sequence", String(at + 1));
    return of;
  };
  for (const [at, { subject, payload }] of entries.slice(0, -1).entries())
    connection.publish(subject, payload, { headers: fields(at) });
  const closing = fields(entries.length - 1);
  closing.set("Nats-Batch-Commit", "1");
  const answer = await connection.request(last.subject, last.payload, { ...options, headers: closing });
  acknowledged(answer.string());
}

function acknowledged(answer: string): void {
  const { seq, error } = JSON.parse(answer) as { seq?: number; error?: { description?: string } };
  if (error !== undefined || seq === undefined)
    throw new Error(`an append was refused: ${error?.description ?? answer}`);
}

async function openEngine({ servers, user, password, prefix }: FeedPlan): Promise<FeedTarget> {
  const { clock, random, log, crash } = nodeRuntime({ logLevel: "warn" });
  const broker = await connectNatsBroker({
    clock,
    servers,
    name: "millrace-bench",
    login: { user, password },
  });
  const engine = await joinCluster({ broker, clock, serviceClock: clock, random, log, crash, prefix });
  return {
    async append({ logId }, payload) {
      const outcome = await engine.append(logId, new PayloadBatch(payload, 1));
      if (outcome.kind !== "appended") throw new Error(`an append was ${outcome.kind}`);
    },
    close: () => engine.close(),
  };
}
