/** A log into which the same entries are copied from two places at once, each of which knows only where the log says that it is. */
import { encodeBatch, type LogEngine, readBatch, type ShardLogId } from "@millrace/log";
import { BrokenPromise } from "../broken-promise.ts";
import type { ClusterWorld } from "./cluster-world.ts";

const PAUSE_MS = 500;

export class ClusterCopy {
  readonly logId: ShardLogId;
  #highestAcknowledged = 0;

  constructor(logId: ShardLogId) {
    this.logId = logId;
  }

  /** Copies a few entries at a time, mostly through one gateway. */
  async copier(world: ClusterWorld, number: number): Promise<void> {
    const random = world.part();
    while (!world.isOver) {
      await world.pause(random.fraction() * PAUSE_MS);
      const gateway = world.gateway(number);
      if (gateway === undefined || world.isOver) continue;
      const { engine, death } = gateway;
      await Promise.race([engine.refresh?.(this.logId, "newest"), death]);
      const from = engine.describe(this.logId)?.nextIndex;
      if (from === undefined || !gateway.isAlive) continue;
      const appends = Array.from({ length: 1 + random.below(4) }, (_, at) => {
        const index = from + at;
        const batch = encodeBatch([{ key: undefined, data: Buffer.from(valueAt(index)) }]);
        return engine.appendAt(this.logId, batch, { index, arrivalMs: arrivalAt(index) });
      });
      const outcomes = await Promise.race([Promise.all(appends), death]);
      world.note(`copied from ${from} through ${gateway.name}: ${JSON.stringify(outcomes)}`);
      for (const [at, outcome] of (outcomes ?? []).entries()) {
        if (outcome.kind !== "appended") continue;
        if (outcome.index !== from + at || outcome.arrivalMs !== arrivalAt(from + at))
          throw wrong(`entry ${from + at} was stored as ${JSON.stringify(outcome)}`);
        this.#highestAcknowledged = Math.max(this.#highestAcknowledged, outcome.index);
      }
    }
  }

  /** Every entry is at its place with its arrival, and all that was acknowledged is there. */
  async audit(engine: LogEngine): Promise<void> {
    await engine.refresh?.(this.logId, "newest");
    const { nextIndex } = engine.describe(this.logId)!;
    for (let index = 1; index < nextIndex;) {
      const outcome = await engine.read(this.logId, index, { maxBytes: 1e6, maxRecords: 50 });
      if (outcome.kind !== "entries") throw wrong(`a read at ${index} says ${outcome.kind}`);
      for (const entry of outcome.entries) {
        const { dataStart, dataEnd } = readBatch(entry.payload).records[0]!;
        const value = Buffer.from(entry.payload.subarray(dataStart, dataEnd)).toString();
        if (entry.index !== index || entry.arrivalMs !== arrivalAt(index) || value !== valueAt(index))
          throw wrong(`${value} of ${entry.arrivalMs} is at ${entry.index}, where ${index} belongs`);
        index += 1;
      }
    }
    if (this.#highestAcknowledged >= nextIndex)
      throw wrong(`${this.#highestAcknowledged} was acknowledged, and it ends at ${nextIndex}`);
  }

  /** How many entries were acknowledged. */
  get count(): number {
    return this.#highestAcknowledged;
  }
}

function valueAt(index: number): string {
  return `copy:${index}`;
}

/** Long ago, so that nothing of today is taken for it. */
function arrivalAt(index: number): number {
  return index * 1_000;
}

function wrong(what: string): BrokenPromise {
  return new BrokenPromise("one-total-order", `the copy: ${what}`);
}
