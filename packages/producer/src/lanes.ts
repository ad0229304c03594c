import { Lane } from "./lane.ts";
import type { QueuedRecord } from "./record.ts";
import type { StreamView } from "./stream-view.ts";

/** One lane for each open shard, and one for records of which nobody knows where they will go. */
export class Lanes {
  readonly #shardRateShare: number;
  readonly #unplaced: Lane;
  #placed: readonly Lane[] = [];
  #all: readonly Lane[];
  #view: StreamView | undefined;

  constructor(shardRateShare: number, nowMs: number) {
    this.#shardRateShare = shardRateShare;
    this.#unplaced = new Lane(undefined, shardRateShare, nowMs);
    this.#all = [this.#unplaced];
  }

  /** What records are placed by; undefined before the first look. */
  get view(): StreamView | undefined {
    return this.#view;
  }

  get all(): readonly Lane[] {
    return this.#all;
  }

  laneOf(record: QueuedRecord): Lane {
    const index = this.#view?.shards?.find(record) ?? -1;
    return this.#placed[index] ?? this.#unplaced;
  }

  /** Puts records back that were taken, each where it belongs by now. */
  restore(records: readonly QueuedRecord[]): void {
    const byLane = new Map<Lane, QueuedRecord[]>();
    for (const record of records) {
      const lane = this.laneOf(record);
      const others = byLane.get(lane);
      if (others === undefined) byLane.set(lane, [record]);
      else others.push(record);
    }
    for (const [lane, some] of byLane) lane.queue.restore(some);
  }

  /** Goes by another view from now on: what is queued is placed again, in the order of acceptance. */
  apply(view: StreamView, nowMs: number): void {
    const before = this.#view;
    this.#view = view;
    if (before?.shards !== undefined && view.shards?.equals(before.shards) === true) return;
    const queued = this.#all.flatMap((lane) => lane.queue.drain());
    const known = new Map(this.#placed.map((lane) => [lane.shardId, lane]));
    this.#placed = (view.shards?.shardIds ?? []).map(
      (shardId) => known.get(shardId) ?? new Lane(shardId, this.#shardRateShare, nowMs),
    );
    this.#all = [this.#unplaced, ...this.#placed];
    this.restore(queued);
  }
}
