import { ServiceError } from "@millrace/api";
import type { Operation } from "@millrace/api";
import { seededRandom } from "@millrace/runtime";
import type { Clock, Random } from "@millrace/runtime";
import type { Caller } from "@millrace/wire";
import { CallPlaces, shardsOfRecords } from "./call-place.ts";
import type { CallPlace } from "./call-place.ts";
import { readFaultRule } from "./fault-rule.ts";
import type { FaultRule } from "./fault-rule.ts";

/** A rule in force. */
export interface Fault extends FaultRule {
  readonly id: number;
  /** How many calls (for `partial` and for single shards of PutRecords: entries) it has hit. */
  readonly hitCount: number;
}

export interface KinesisRecordToPut {
  readonly PartitionKey?: string;
  readonly ExplicitHashKey?: string;
}

export type ListShardsHandler = (
  caller: Caller,
  input: Readonly<Record<string, unknown>>,
) => Promise<{
  readonly Shards?: readonly {
    readonly ShardId: string;
    readonly HashKeyRange: { readonly StartingHashKey: string; readonly EndingHashKey: string };
  }[];
  readonly NextToken?: string;
}>;

export interface FaultsOptions {
  /** Machine time, for delays. */
  readonly clock: Clock;
  /** Where records would go is asked of the service itself. */
  readonly listShards: ListShardsHandler;
}

/** Faults on request: each call of a handler passes {@link Faults.intercept}. */
export class Faults {
  readonly #options: FaultsOptions;
  readonly #rules = new Map<number, ActiveRule>();
  readonly #places = new CallPlaces();
  readonly #dropped = new Set<string>();
  #nextId = 1;

  constructor(options: FaultsOptions) {
    this.#options = options;
  }

  list(): readonly Fault[] {
    return [...this.#rules.values()].map((active) => active.shown());
  }

  /** Puts a rule in force. @throws {FaultRuleError} when it cannot be used. */
  add(rule: unknown): Fault {
    const active = new ActiveRule(this.#nextId, readFaultRule(rule));
    this.#rules.set(active.id, active);
    this.#nextId += 1;
    return active.shown();
  }

  /** Whether there was such a rule. */
  remove(id: number): boolean {
    return this.#rules.delete(id);
  }

  clear(): void {
    this.#rules.clear();
  }

  /** True, once, for a request whose answer must not reach the client. */
  takeDropped(requestId: string): boolean {
    return this.#dropped.size > 0 && this.#dropped.delete(requestId);
  }

  /** Stands around the handlers: what {@link createService} takes as its `intercept`. */
  readonly intercept = async (
    caller: Caller,
    operation: Operation,
    input: unknown,
    next: (input?: unknown) => Promise<unknown>,
  ): Promise<unknown> => {
    const members = input as Readonly<Record<string, unknown>>;
    const place = this.#places.of(members);
    const call: FaultyCall = { caller, operation, members, place, failed: new Map(), dropAfter: false };
    for (const rule of this.#rules.values()) {
      if (rule.covers(call)) await this.#apply(rule, call);
    }
    const output = await carryOut(call, next);
    this.#places.learn(place, output);
    if (call.dropAfter) this.#drop(caller);
    return output;
  };

  async #apply(rule: ActiveRule, call: FaultyCall): Promise<void> {
    const entries = await this.#entriesOf(rule, call);
    if (
      entries !== undefined &&
      (rule.kind === "partial" || (rule.kind === "throttle" && rule.shardId !== undefined))
    ) {
      for (const index of entries) if (rule.hits()) call.failed.set(index, rule);
      return;
    }
    if (entries !== undefined && entries.length === 0) return;
    if (!rule.hits()) return;
    switch (rule.kind) {
      case "throttle":
        throw throttled(rule, call);
      case "fail":
        throw new ServiceError(rule.code, "The call failed because a fault was asked for.", {
          status: statusOf(rule.code),
        });
      case "delay":
        await this.#options.clock.sleep(rule.delayMs);
        return;
      case "drop":
        if (rule.stage === "after") {
          call.dropAfter = true;
          return;
        }
        this.#drop(call.caller);
        throw new ServiceError(
          "InternalFailureException",
          "The connection is dropped because a fault was asked for.",
        );
      case "partial":
        return;
    }
  }

  /** The entries of a put that the rule is about; undefined when it is not about single records. */
  async #entriesOf(rule: ActiveRule, call: FaultyCall): Promise<number[] | undefined> {
    const { operation, members } = call;
    const records =
      operation.name === "PutRecords"
        ? (members["Records"] as KinesisRecordToPut[])
        : operation.name === "PutRecord"
          ? [members as KinesisRecordToPut]
          : undefined;
    if (records === undefined) return undefined;
    if (rule.shardId === undefined) return rule.kind === "partial" ? [...records.keys()] : undefined;
    const shardIds = await shardsOfRecords(call.caller, members, records, this.#options.listShards);
    const wanted = [...records.keys()].filter((index) => shardIds[index] === rule.shardId);
    // One record is the whole call: it is throttled as a call is.
    if (operation.name === "PutRecord" && wanted.length > 0) return undefined;
    return wanted;
  }

  #drop(caller: Caller): void {
    this.#dropped.add(caller.requestId);
  }
}

/** A call on its way through the rules. */
interface FaultyCall {
  readonly caller: Caller;
  readonly operation: Operation;
  readonly members: Readonly<Record<string, unknown>>;
  readonly place: CallPlace;
  /** Entries of PutRecords that are to fail, by index. */
  readonly failed: Map<number, ActiveRule>;
  dropAfter: boolean;
}

class ActiveRule {
  readonly id: number;
  readonly rule: FaultRule;
  readonly #random: Random;
  #hitCount = 0;

  constructor(id: number, rule: FaultRule) {
    this.id = id;
    this.rule = rule;
    this.#random = seededRandom(rule.seed);
  }

  get kind() {
    return this.rule.kind;
  }
  get shardId() {
    return this.rule.shardId;
  }
  get code() {
    return this.rule.code;
  }
  get delayMs() {
    return this.rule.delayMs;
  }
  get stage() {
    return this.rule.stage;
  }

  covers({ operation, place }: FaultyCall): boolean {
    const { rule } = this;
    // Operations of other services than Kinesis are hit only by rules that name them.
    const wanted = rule.operation ?? (operation.name.includes(":") ? undefined : operation.name);
    if (wanted !== operation.name) return false;
    if (rule.stream !== undefined && rule.stream !== place.stream) return false;
    if (rule.shardId === undefined) return true;
    // Puts name no shard; where their records would go is looked up when the rule is applied.
    return (
      operation.name === "PutRecord" || operation.name === "PutRecords" || rule.shardId === place.shardId
    );
  }

  /** Decides for one call or entry, and counts it. */
  hits(): boolean {
    if (this.#hitCount >= (this.rule.count ?? Infinity)) return false;
    // Drawn even when the share is 1, so that a later rule of another share decides independently of it.
    if (this.#random.fraction() >= this.rule.share) return false;
    this.#hitCount += 1;
    return true;
  }

  shown(): Fault {
    return { id: this.id, ...this.rule, hitCount: this.#hitCount };
  }
}

/** Calls the handler with the records that are not to fail, and lays the answer out as if all had been tried. */
async function carryOut(call: FaultyCall, next: (input?: unknown) => Promise<unknown>): Promise<unknown> {
  const { failed, members } = call;
  if (failed.size === 0) return next();
  const records = members["Records"] as readonly unknown[];
  const kept = records.filter((_, index) => !failed.has(index));
  const answer = (kept.length === 0 ? {} : await next({ ...members, Records: kept })) as {
    readonly Records?: readonly object[];
    readonly FailedRecordCount?: number;
  };
  const stored = [...(answer.Records ?? [])];
  return {
    ...answer,
    FailedRecordCount: (answer.FailedRecordCount ?? 0) + failed.size,
    Records: records.map((_, index) => {
      const rule = failed.get(index);
      return rule === undefined ? stored.shift() : failedEntry(rule, call);
    }),
  };
}

function failedEntry(rule: ActiveRule, call: FaultyCall) {
  return rule.code === "InternalFailure"
    ? { ErrorCode: "InternalFailure", ErrorMessage: "Internal Service Failure" }
    : { ErrorCode: "ProvisionedThroughputExceededException", ErrorMessage: rateExceeded(rule, call) };
}

/** As the service words it, which is another way for GetRecords. */
function rateExceeded(rule: ActiveRule, { operation, place, caller }: FaultyCall): string {
  const shardId = rule.shardId ?? place.shardId ?? "shardId-000000000000";
  if (operation.name === "GetRecords") {
    return `Rate exceeded for Shard - ${caller.accountId}/${place.stream ?? "unknown"}/${shardId}`;
  }
  return `Rate exceeded for shard ${shardId} in stream ${place.stream ?? "unknown"} under account ${caller.accountId}.`;
}

const TABLE_THROTTLED =
  "The level of configured provisioned throughput for the table was exceeded. " +
  "Consider increasing your provisioning level with the UpdateTable API.";

/** The error that the operation answers when it is called too often. */
function throttled(rule: ActiveRule, call: FaultyCall): ServiceError {
  const { operation, caller, place } = call;
  if (operation.name.includes(":")) {
    return operation.errors.includes("ProvisionedThroughputExceededException")
      ? new ServiceError("ProvisionedThroughputExceededException", TABLE_THROTTLED)
      : new ServiceError("ThrottlingException", "Rate exceeded");
  }
  if (operation.errors.includes("ProvisionedThroughputExceededException")) {
    return new ServiceError("ProvisionedThroughputExceededException", rateExceeded(rule, call));
  }
  const what = place.stream === undefined ? "account" : `stream ${place.stream} under account`;
  return new ServiceError("LimitExceededException", `Rate exceeded for ${what} ${caller.accountId}.`);
}

function statusOf(code: string): number {
  if (code.startsWith("ServiceUnavailable")) return 503;
  return code.startsWith("InternalFailure") || code.startsWith("InternalServer") ? 500 : 400;
}
