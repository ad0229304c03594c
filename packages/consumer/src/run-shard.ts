import type { Clock, Logger, Random } from "@millrace/runtime";
import { RecordRunner, type RunnerOptions } from "./delivery/record-runner.ts";
import type { ShardSession } from "./delivery/shard-session.ts";
import { sleepUnless } from "./waits.ts";

export interface RunShardOptions extends Pick<RunnerOptions, "handler" | "onError" | "concurrency"> {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly checkpointIntervalMs: number;
  readonly handOffTimeoutMs: number;
}

/** So many are taken apart at a time: few enough that most are garbage before the collector has moved them. */
const PIECE_RECORDS = 1_024;

/** Gives a handler all records of a shard, and stores now and then, and at the end, up to where all are done. */
export async function runShard(session: ShardSession, options: RunShardOptions): Promise<void> {
  const { clock, checkpointIntervalMs, handOffTimeoutMs } = options;
  const runner = new RecordRunner({
    ...options,
    streamName: session.streamName,
    shardId: session.shardId,
    lost: session.lost,
    ending: session.ending,
    giveBack: (recordCount) => session.giveBack(recordCount),
  });
  const over = new AbortController();
  const store = async (): Promise<void> => {
    const place = runner.donePlace;
    if (place !== undefined) await session.checkpoint(place);
  };
  const storeInTurns = async (): Promise<void> => {
    for (;;) {
      await sleepUnless(clock, checkpointIntervalMs, over.signal);
      if (over.signal.aborted) return;
      await store();
    }
  };
  const handleAll = async (): Promise<void> => {
    for (;;) {
      const delivery = await session.next(PIECE_RECORDS);
      if (delivery === undefined) break;
      await runner.run(delivery);
    }
    await runner.idle();
  };

  if (!(await session.open())) {
    await session.close(false);
    return;
  }
  const storing = storeInTurns();
  const handling = handleAll();
  // What still runs when the time is over will come again to the next owner: it is not covered by the checkpoint.
  await Promise.race([handling, timeAfter(clock, handOffTimeoutMs, session.ending, over.signal)]);
  over.abort();
  await storing;
  const isComplete = session.hasEnded && !session.ending.aborted;
  await store();
  await session.close(isComplete);
  await handling;
}

/** Resolves so long after `ending`, or with `over`. */
function timeAfter(clock: Clock, delayMs: number, ending: AbortSignal, over: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const begin = (): void => void sleepUnless(clock, delayMs, over).then(resolve);
    if (ending.aborted) begin();
    else ending.addEventListener("abort", begin, { once: true, signal: over });
  });
}
