import type { Clock } from "@millrace/runtime";
import { formatDuration } from "../arguments/duration.ts";
import { progressOn } from "../output/progress.ts";
import { formatBytes, formatCount } from "../output/units.ts";
import type { World } from "../world.ts";

/** Without a person looking a line is written this often. */
const LINE_EVERY_MS = 30_000;

/** Tells how far work on shards is: records, bytes, rate, shards that are done, and how far behind the others are at most. */
export class Tally {
  records = 0;
  bytes = 0;
  readonly #world: World;
  readonly #clock: Clock;
  readonly #what: string;
  readonly #shardCount: number;
  readonly #progress;
  readonly #beganMs: number;
  readonly #behindMs = new Map<string, number>();
  #lineMs: number;

  constructor(world: World, what: string, shardCount: number) {
    this.#world = world;
    this.#clock = world.clock;
    this.#what = what;
    this.#shardCount = shardCount;
    this.#progress = progressOn(world.errors);
    this.#beganMs = this.#lineMs = world.clock.monotonicMs();
  }

  add(shardId: string, records: number, bytes: number, behindMs: number): void {
    this.records += records;
    this.bytes += bytes;
    this.#behindMs.set(shardId, behindMs);
    const text = this.#text();
    this.#progress.show(text);
    const nowMs = this.#clock.monotonicMs();
    if (this.#world.errors.isTerminal || nowMs - this.#lineMs < LINE_EVERY_MS) return;
    this.#lineMs = nowMs;
    this.#world.errors.write(`${text}\n`);
  }

  clear(): void {
    this.#progress.clear();
  }

  #text(): string {
    const seconds = Math.max(0.001, (this.#clock.monotonicMs() - this.#beganMs) / 1_000);
    const behind = [...this.#behindMs.values()].filter((behindMs) => behindMs > 0);
    const done = `${this.#behindMs.size - behind.length} of ${this.#shardCount} shards done`;
    const left = behind.length === 0 ? "" : `, ${formatDuration(Math.max(...behind))} left`;
    const rate = `${formatBytes(this.bytes / seconds)}/s`;
    return `${this.#what}: ${formatCount(this.records)} records, ${formatBytes(this.bytes)}, ${rate}, ${done}${left}`;
  }
}
