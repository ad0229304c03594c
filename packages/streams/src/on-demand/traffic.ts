/**
 * The traffic of all on-demand streams. It is counted in memory and stored now and then: a crash forgets at
 * most the last quarter of an hour of it, a clean stop nothing. A process that
 * shares its engine forgets, when it stops, what it has not told the one that scales a stream: a minute of it.
 */
import type { LogEngine, StateChange } from "@millrace/log";
import type { Random, ServiceClock } from "@millrace/runtime";
import type { Catalog } from "../catalog/catalog.ts";
import {
  shardTrafficKey,
  streamTrafficKey,
  TRAFFIC_PREFIX,
  trafficIncarnationOf,
} from "../catalog/records.ts";
import type { Shard } from "../catalog/shard.ts";
import type { Stream } from "../catalog/stream.ts";
import { SharedTraffic } from "./shared-traffic.ts";
import type { ShardTraffic, StoredStreamTraffic } from "./stream-traffic.ts";
import { StreamTraffic } from "./stream-traffic.ts";
import type { StoredHistory } from "./traffic-history.ts";

/** How often what has changed is stored. */
const STORE_EVERY_MS = 900_000;

/** Rows that one commit stores: bounds the size of a commit. */
const ROWS_PER_COMMIT_MAX = 1_000;

export class Traffic {
  readonly #clock: ServiceClock;
  readonly #random: Random;
  readonly #engine: LogEngine;
  readonly #streams = new Map<Stream, StreamTraffic>();
  readonly #shared: SharedTraffic | undefined;
  /** Where processes share the engine: streams that this one scales, whose traffic it therefore stores. */
  readonly #own = new Set<Stream>();
  readonly #unfollow: () => void;
  /** Rows of streams and shards that are watched no longer. */
  readonly #obsolete = new Set<string>();

  constructor(clock: ServiceClock, random: Random, engine: LogEngine, catalog: Catalog) {
    this.#clock = clock;
    this.#random = random;
    this.#engine = engine;
    this.#shared = engine.peers && new SharedTraffic(engine.peers, catalog, this);
    for (const stream of catalog.all()) if (isWatched(stream)) this.#watch(stream);
    // What a stream left behind that is deleted, or provisioned, was not removed before the last stop.
    for (const [key] of engine.state.list(TRAFFIC_PREFIX)) {
      const stream = catalog.findByIncarnation(trafficIncarnationOf(key));
      if (stream === undefined || !isWatched(stream)) this.#obsolete.add(key);
    }
    this.#unfollow = catalog.onChange((stream) => {
      if (isWatched(stream)) {
        if (!this.#streams.has(stream)) this.#watch(stream);
      } else if (this.#streams.delete(stream)) {
        this.#own.delete(stream);
        this.#forget(stream);
      }
    });
  }

  /** The counters of a shard; undefined when its stream is provisioned. */
  of(stream: Stream, shard: Shard): ShardTraffic | undefined {
    return this.#streams.get(stream)?.of(shard);
  }

  ofStream(stream: Stream): StreamTraffic | undefined {
    return this.#streams.get(stream);
  }

  all(): IterableIterator<StreamTraffic> {
    return this.#streams.values();
  }

  /**
   * Hands what was seen of a stream to the process that scales it; false when that is this one. Where it has only now become so
   * what the last one stored is read, and where it is so no longer what is known is stored.
   */
  async handOver(traffic: StreamTraffic): Promise<boolean> {
    const { stream } = traffic;
    if (this.#shared === undefined) return false;
    const owner = this.#shared.ownerOf(traffic);
    if (owner === undefined) {
      if (!this.#own.has(stream)) this.#watch(stream, traffic);
      this.#own.add(stream);
      return false;
    }
    if (this.#own.delete(stream)) await this.#store(traffic, this.#clock.nowMs());
    await this.#shared.tell(owner, traffic);
    return true;
  }

  /** Ends a minute of a stream's traffic. False when it is too short to be one. */
  endMinute(traffic: StreamTraffic): boolean {
    const closed = traffic.endMinute(this.#clock.nowMs());
    if (closed === false) return false;
    const { incarnation } = traffic.stream.header;
    for (const { shard } of closed) this.#obsolete.add(shardTrafficKey(incarnation, shard.shardIndex));
    return true;
  }

  /** Stores what is due, or everything that has changed. */
  async store(what: "due" | "all"): Promise<void> {
    const nowMs = this.#clock.nowMs();
    for (const traffic of this.#streams.values()) {
      if (this.#shared !== undefined && !this.#own.has(traffic.stream)) continue;
      if (what === "due" && nowMs - traffic.storedMs < STORE_EVERY_MS) continue;
      await this.#store(traffic, nowMs);
    }
    const deletes = [...this.#obsolete].filter((key) => this.#engine.state.get(key) !== undefined);
    this.#obsolete.clear();
    for (let at = 0; at < deletes.length; at += ROWS_PER_COMMIT_MAX) {
      const change = { deletes: deletes.slice(at, at + ROWS_PER_COMMIT_MAX) };
      if (!(await this.#commit(change))) for (const key of change.deletes) this.#obsolete.add(key);
    }
  }

  close(): void {
    this.#unfollow();
    this.#shared?.close();
  }

  async #store(traffic: StreamTraffic, nowMs: number): Promise<void> {
    const { incarnation } = traffic.stream.header;
    traffic.storedMs = nowMs;
    const dirty = [...traffic.shards()].filter(({ isDirty }) => isDirty);
    for (let at = 0; at < dirty.length; at += ROWS_PER_COMMIT_MAX) {
      const page = dirty.slice(at, at + ROWS_PER_COMMIT_MAX);
      for (const shard of page) shard.isDirty = false;
      const puts = page.map(
        ({ shard, history }) =>
          [shardTrafficKey(incarnation, shard.shardIndex), JSON.stringify(history.toStored())] as const,
      );
      if (!(await this.#commit({ puts }))) for (const shard of page) shard.isDirty = true;
    }
    if (!traffic.isDirty) return;
    traffic.isDirty = false;
    const puts = [[streamTrafficKey(incarnation), JSON.stringify(traffic.toStored())] as const];
    if (!(await this.#commit({ puts }))) traffic.isDirty = true;
  }

  async #commit(change: StateChange): Promise<boolean> {
    return (await this.#engine.state.commit(change)).kind === "committed";
  }

  /** Begins to watch a stream, from what is stored of it; what was `seen` of it meanwhile is kept. */
  #watch(stream: Stream, seen?: StreamTraffic): void {
    const key = streamTrafficKey(stream.header.incarnation);
    const stored = this.#engine.state.get(key);
    const traffic = new StreamTraffic(
      stream,
      this.#random,
      this.#clock.nowMs(),
      stored === undefined || this.#obsolete.has(key)
        ? undefined
        : (JSON.parse(stored.value) as StoredStreamTraffic),
    );
    for (const shard of stored === undefined ? [] : stream.storedShards()) {
      const row = this.#engine.state.get(shardTrafficKey(stream.header.incarnation, shard.shardIndex));
      if (row !== undefined) traffic.restore(shard, JSON.parse(row.value) as StoredHistory);
    }
    for (const shard of seen?.shards() ?? []) {
      const ofShard = shard.take();
      if (ofShard !== undefined && shard.shard.isOpen) traffic.of(shard.shard).add(ofShard);
    }
    this.#streams.set(stream, traffic);
  }

  #forget(stream: Stream): void {
    const key = streamTrafficKey(stream.header.incarnation);
    for (const [row] of this.#engine.state.list(key)) this.#obsolete.add(row);
  }
}

function isWatched(stream: Stream): boolean {
  return !stream.gone && stream.header.mode === "ON_DEMAND";
}
