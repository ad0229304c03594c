/**
 * Limits of which another process keeps the buckets: a shard's are kept by the process that appends to its log, an operation's calls
 * by the one that their scope belongs to. When that one does not answer they are counted here, so a limit may be let past twice
 * for as long as it takes to notice that a process is gone, and never holds up a request.
 */
import type { PeerId, Peers } from "@millrace/log";
import type { RecordColumns } from "@millrace/model";
import type { Catalog } from "../catalog/catalog.ts";
import type { Shard } from "../catalog/shard.ts";
import type { Stream } from "../catalog/stream.ts";
import type { LimitName } from "../limits.ts";
import type { CallScopes } from "./call-throttle.ts";
import type { ShardThrottle } from "./shard-throttle.ts";

/** What the owner of a shard says of records: all are admitted, or for each of them which limit it exceeds. */
export type Verdicts = "all" | readonly (LimitName | undefined)[];

/** The same of one record, or of one call. */
export interface Verdict {
  readonly exceeded: LimitName | undefined;
}

/** What this process decides when it is asked. */
export interface KeptHere {
  nowMs(): number;
  throttleOf(shard: Shard): ShardThrottle;
  /** Whether a call is admitted. */
  admitCall(operation: string, scopes: CallScopes, nowMs: number): boolean;
}

type Question =
  /** Indexes of shards, each with the sizes of the records that are to be put into it, in order. */
  | { readonly what: "writes"; readonly stream: string; readonly shards: readonly [number, number[]][] }
  | { readonly what: "read" | "iterator"; readonly stream: string; readonly shard: number }
  | { readonly what: "charge"; readonly stream: string; readonly shard: number; readonly bytes: number }
  | { readonly what: "call"; readonly operation: string; readonly scopes: CallScopes };

const TOPIC = "rates";

export class SharedRates {
  readonly #peers: Peers;
  readonly #catalog: Catalog;
  readonly #here: KeptHere;
  readonly #stop: () => void;

  constructor(peers: Peers, catalog: Catalog, here: KeptHere) {
    this.#peers = peers;
    this.#catalog = catalog;
    this.#here = here;
    this.#stop = peers.answer(TOPIC, (question) => this.#answer(question as Question));
  }

  close(): void {
    this.#stop();
  }

  /** Asks for the shards that belong to others; undefined when none of these does. A shard without verdicts is counted here. */
  writes(
    stream: Stream,
    byShard: ReadonlyMap<Shard, { readonly indexes: readonly number[] }>,
    columns: RecordColumns,
  ): Promise<ReadonlyMap<Shard, Verdicts>> | undefined {
    const byOwner = new Map<PeerId, Shard[]>();
    for (const shard of byShard.keys()) {
      const owner = this.#peers.ownerOfLog(shard.logId);
      if (owner === undefined) continue;
      const shards = byOwner.get(owner);
      if (shards === undefined) byOwner.set(owner, [shard]);
      else shards.push(shard);
    }
    if (byOwner.size === 0) return undefined;
    const verdicts = new Map<Shard, Verdicts>();
    const asked = [...byOwner].map(async ([owner, shards]) => {
      const sizes = shards.map((shard) => byShard.get(shard)!.indexes.map((index) => columns.sizeOf(index)));
      const found = await this.#askWrites(owner, stream, shards, sizes);
      for (const [at, shard] of shards.entries()) {
        const ofShard = found[at];
        if (ofShard !== undefined) verdicts.set(shard, ofShard);
      }
    });
    return Promise.all(asked).then(() => verdicts);
  }

  /** Undefined when the shard is this process's; resolves to undefined when its owner does not answer. */
  write(stream: Stream, shard: Shard, sizeBytes: number): Promise<Verdict | undefined> | undefined {
    const owner = this.#peers.ownerOfLog(shard.logId);
    if (owner === undefined) return undefined;
    return this.#askWrites(owner, stream, [shard], [[sizeBytes]]).then(([said]) =>
      said === undefined ? undefined : { exceeded: said === "all" ? undefined : said[0] },
    );
  }

  /** Undefined when the shard is this process's; resolves to undefined when its owner does not answer. */
  read(stream: Stream, shard: Shard): Promise<Verdict | undefined> | undefined {
    const owner = this.#peers.ownerOfLog(shard.logId);
    if (owner === undefined) return undefined;
    return this.#ask(owner, this.#about("read", stream, shard)).then((answer) =>
      typeof answer === "string"
        ? { exceeded: answer === "" ? undefined : (answer as LimitName) }
        : undefined,
    );
  }

  /** Undefined when the shard is this process's; resolves to undefined when its owner does not answer. */
  iterator(stream: Stream, shard: Shard): Promise<boolean | undefined> | undefined {
    const owner = this.#peers.ownerOfLog(shard.logId);
    return owner === undefined ? undefined : this.#askYesOrNo(owner, this.#about("iterator", stream, shard));
  }

  /** Has what was read charged, by whoever keeps the shard's buckets. False when that is this process. */
  charge(stream: Stream, shard: Shard, bytes: number): boolean {
    const owner = this.#peers.ownerOfLog(shard.logId);
    if (owner === undefined) return false;
    void this.#ask(owner, {
      ...{ what: "charge", stream: stream.header.incarnation, shard: shard.shardIndex, bytes },
    });
    return true;
  }

  /** Undefined when the scope is this process's; resolves to undefined when its owner does not answer. */
  call(operation: string, scopes: CallScopes, scope: string): Promise<boolean | undefined> | undefined {
    const owner = this.#peers.ownerOfKey(`calls ${operation} ${scope}`);
    return owner === undefined ? undefined : this.#askYesOrNo(owner, { what: "call", operation, scopes });
  }

  #about(what: "read" | "iterator", stream: Stream, shard: Shard): Question {
    return { what, stream: stream.header.incarnation, shard: shard.shardIndex };
  }

  /** The verdicts on each shard's records; undefined for a shard of which nothing is said. */
  async #askWrites(
    owner: PeerId,
    stream: Stream,
    shards: readonly Shard[],
    sizes: readonly number[][],
  ): Promise<readonly (Verdicts | undefined)[]> {
    const answer = await this.#ask(owner, {
      what: "writes",
      stream: stream.header.incarnation,
      shards: shards.map((shard, at) => [shard.shardIndex, sizes[at]!]),
    });
    return shards.map((_, at) =>
      Array.isArray(answer) ? readVerdicts(answer[at], sizes[at]!.length) : undefined,
    );
  }

  #ask(owner: PeerId, question: Question): Promise<unknown> {
    return this.#peers.ask(owner, TOPIC, question);
  }

  async #askYesOrNo(owner: PeerId, question: Question): Promise<boolean | undefined> {
    const answer = await this.#ask(owner, question);
    return typeof answer === "boolean" ? answer : undefined;
  }

  /** Null where this process cannot say: it does not know the shard yet, or not the question. */
  #answer(question: Question): unknown {
    const nowMs = this.#here.nowMs();
    if (question.what === "call") {
      return this.#here.admitCall(question.operation, question.scopes, nowMs);
    }
    const stream = this.#catalog.findByIncarnation(question.stream);
    if (stream === undefined) return null;
    if (question.what === "writes") {
      return question.shards.map(([shardIndex, sizes]) => {
        const shard = stream.shard(shardIndex);
        return shard === undefined ? null : verdictsOn(this.#here.throttleOf(shard), sizes, nowMs);
      });
    }
    const shard = stream.shard(question.shard);
    if (shard === undefined) return null;
    const throttle = this.#here.throttleOf(shard);
    switch (question.what) {
      case "read":
        return throttle.exceededByRead(nowMs) ?? "";
      case "iterator":
        return throttle.admitIterator(nowMs);
      case "charge":
        throttle.chargeRead(question.bytes, nowMs);
        return true;
      default:
        return null;
    }
  }
}

/** `"all"`, or the names of the limits that records exceed, `""` for those that are admitted. */
function verdictsOn(throttle: ShardThrottle, sizes: readonly number[], nowMs: number): "all" | string[] {
  const bytes = sizes.reduce((sum, sizeBytes) => sum + sizeBytes, 0);
  if (throttle.admitWrites(sizes.length, bytes, nowMs)) return "all";
  return sizes.map((sizeBytes) => throttle.exceededByWrite(sizeBytes, nowMs) ?? "");
}

function readVerdicts(answer: unknown, count: number): Verdicts | undefined {
  if (answer === "all") return answer;
  if (!Array.isArray(answer) || answer.length !== count) return undefined;
  return answer.map((name) => (name === "" ? undefined : (name as LimitName)));
}
