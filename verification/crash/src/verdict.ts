/** Reads a stream after a restart and says whether every promise was kept. */
import type { KinesisClient } from "@millrace/client";
import { check, type StreamReading } from "./checker.ts";
import type { Ledger, Violation } from "./ledger.ts";
import { listShards, readStream, untilActive } from "./reading.ts";
import { howToRepeat, runtime } from "./settings.ts";

export class PromiseBroken extends Error {
  override readonly name = "PromiseBroken";
  readonly violations: readonly Violation[];

  constructor(violations: readonly Violation[], where: string, testFile: string) {
    const lines = violations.map(({ promise, detail }) => `  ${promise}: ${detail}`);
    super(`${where}:\n${lines.join("\n")}\n${howToRepeat(testFile)}`);
    this.violations = violations;
  }
}

/** What is there now, and what is wrong with it. The ledger is not changed. */
export async function examine(
  client: KinesisClient,
  streamName: string,
  ledger: Ledger,
): Promise<{ readonly reading: StreamReading; readonly violations: readonly Violation[] }> {
  // What was acknowledged as being under way goes on after the restart.
  await untilActive(client, streamName);
  const reading = await readStream(client, streamName);
  return { reading, violations: check(ledger, reading) };
}

/** Examines, fails when a promise is broken, and takes what was read for seen. */
export async function verify(
  client: KinesisClient,
  streamName: string,
  ledger: Ledger,
  where: string,
  testFile: string,
): Promise<StreamReading> {
  const { reading, violations } = await examine(client, streamName, ledger);
  if (violations.length > 0) throw new PromiseBroken(violations, where, testFile);
  remember(ledger, reading);
  return reading;
}

/** From now on whatever is in this reading must be in every other. */
export function remember(ledger: Ledger, reading: StreamReading): void {
  const seenAtMs = runtime.clock.monotonicMs();
  ledger.seen = new Map(reading.shards.map(({ shardId, records }) => [shardId, [...records]]));
  for (const { shardId, endingSequenceNumber } of reading.shards) {
    if (endingSequenceNumber !== undefined) ledger.close(shardId, endingSequenceNumber, seenAtMs);
  }
}

export async function createStream(
  client: KinesisClient,
  streamName: string,
  shardCount: number,
): Promise<void> {
  await client.createStream({ StreamName: streamName, ShardCount: shardCount });
  await untilActive(client, streamName);
  const shards = await listShards(client, streamName);
  if (shards.length !== shardCount) throw new Error(`${streamName} has ${shards.length} shards`);
}

export function recordCountOf({ shards }: StreamReading): number {
  return shards.reduce((sum, { records }) => sum + records.length, 0);
}
