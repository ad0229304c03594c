/** Two hundred subscriptions with nothing to tell, over both versions of HTTP: each hears so every 5 seconds. */
import { afterEach, expect, test } from "vitest";
import { scratchDirectory, undoEverything } from "../src/cleanup.ts";
import { connect } from "../src/connection.ts";
import { Program } from "../src/program.ts";
import { listShards } from "../src/reading.ts";
import { howToRepeat, runtime } from "../src/settings.ts";
import { createStream } from "../src/verdict.ts";

const SHARD_COUNT = 10;
const CONSUMER_COUNT = 20;
const SUBSCRIPTION_COUNT = SHARD_COUNT * CONSUMER_COUNT;
const WATCH_MS = 16_000;
/** An event is due every 5 s; on a busy machine it may be late by this. */
const GAP_MS_MAX = 5_000 + 1_500;
const WAKE_MS_MAX = 3_000;

afterEach(undoEverything);

interface Listener {
  readonly eventTimesMs: number[];
  readonly received: string[];
  readonly done: Promise<void>;
}

test(
  "200 idle subscriptions over HTTP/1.1 and HTTP/2 each get their event every 5 s",
  { timeout: 120_000 },
  async () => {
    console.info(howToRepeat("scale/idle-subscriptions.test.ts"));
    let failed = true;
    const program = new Program({ dataDir: scratchDirectory("idle", () => failed) });
    const endpoint = await program.ready;
    const clients = { "1.1": connect(endpoint), "2": connect(endpoint, { httpVersion: "2" }) } as const;
    await createStream(clients["1.1"], "quiet", SHARD_COUNT);
    const shards = await listShards(clients["1.1"], "quiet");
    const { StreamDescriptionSummary } = await clients["1.1"].describeStreamSummary({ StreamName: "quiet" });
    const consumers: string[] = [];
    for (let at = 0; at < CONSUMER_COUNT; at += 1) {
      const { Consumer } = await clients["1.1"].registerStreamConsumer({
        StreamARN: StreamDescriptionSummary.StreamARN,
        ConsumerName: `consumer-${at}`,
      });
      consumers.push(Consumer.ConsumerARN);
    }
    for (const ConsumerARN of consumers) {
      const status = async () =>
        (await clients["1.1"].describeStreamConsumer({ ConsumerARN })).ConsumerDescription.ConsumerStatus;
      while ((await status()) !== "ACTIVE") await runtime.clock.sleep(10);
    }

    const memoryBefore = program.memory().residentBytes;
    const leaving = Array.from({ length: SUBSCRIPTION_COUNT }, () => new AbortController());
    const startedMs = runtime.clock.monotonicMs();
    const listeners = Array.from({ length: SUBSCRIPTION_COUNT }, (_, at): Listener => {
      const client = clients[at < SUBSCRIPTION_COUNT / 2 ? "1.1" : "2"];
      const eventTimesMs: number[] = [];
      const received: string[] = [];
      const { signal } = leaving[at]!;
      const listen = async () => {
        const events = client.subscribeToShard(
          {
            ConsumerARN: consumers[at % CONSUMER_COUNT]!,
            ShardId: shards[Math.floor(at / CONSUMER_COUNT)]!.ShardId,
            StartingPosition: { Type: "LATEST" },
          },
          { signal },
        );
        for await (const { Records } of events) {
          eventTimesMs.push(runtime.clock.monotonicMs() - startedMs);
          received.push(...Records.map(({ PartitionKey }) => PartitionKey ?? ""));
        }
      };
      const done = listen().catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
      return { eventTimesMs, received, done };
    });
    const ended = Promise.all(listeners.map(({ done }) => done));

    const processorBefore = program.processorSeconds();
    await Promise.race([runtime.clock.sleep(WATCH_MS), ended]);
    const watchedMs = runtime.clock.monotonicMs() - startedMs;
    expect(watchedMs, "no subscription ended early").toBeGreaterThanOrEqual(WATCH_MS - 1);
    const processorSeconds = program.processorSeconds() - processorBefore;
    for (const [at, { eventTimesMs, received }] of listeners.entries()) {
      const moments = [0, ...eventTimesMs, watchedMs];
      const gaps = moments.slice(1).map((moment, index) => moment - moments[index]!);
      expect(
        Math.max(...gaps),
        `subscription ${at}: events at ${eventTimesMs.map(Math.round).join(", ")} ms`,
      ).toBeLessThan(GAP_MS_MAX);
      expect(received).toEqual([]);
    }
    const eventCount = listeners.reduce((sum, { eventTimesMs }) => sum + eventTimesMs.length, 0);
    const memory = program.memory();
    console.info(
      `${SUBSCRIPTION_COUNT} subscriptions, ${eventCount} events in ${Math.round(watchedMs / 1000)} s: ` +
        `${((100 * processorSeconds * 1000) / watchedMs).toFixed(1)} % of one processor, ` +
        `${Math.round((memory.residentBytes - memoryBefore) / 1024 / SUBSCRIPTION_COUNT)} KiB each, ` +
        `${Math.round(memory.peakBytes / (1 << 20))} MiB at most`,
    );

    // They are idle, not dead.
    for (const { ShardId, HashKeyRange } of shards) {
      await clients["1.1"].putRecord({
        StreamName: "quiet",
        PartitionKey: ShardId,
        ExplicitHashKey: HashKeyRange.StartingHashKey,
        Data: Buffer.from("wake"),
      });
    }
    const deadlineMs = runtime.clock.monotonicMs() + WAKE_MS_MAX;
    while (
      listeners.some(({ received }) => received.length === 0) &&
      runtime.clock.monotonicMs() < deadlineMs
    ) {
      await runtime.clock.sleep(10);
    }
    for (const [at, { received }] of listeners.entries()) {
      expect(received, `subscription ${at}`).toEqual([shards[Math.floor(at / CONSUMER_COUNT)]!.ShardId]);
    }

    for (const controller of leaving) controller.abort();
    await ended;
    await Promise.all(Object.values(clients).map((client) => client.close()));
    await program.stop();
    failed = false;
  },
);
