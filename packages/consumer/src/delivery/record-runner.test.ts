import { type Clock, memoryLogger, seededRandom, simulatedClock } from "@millrace/runtime";
import { describe, expect, test } from "vitest";
import { RecordRunner, type RunnerOptions } from "./record-runner.ts";
import type { Delivery } from "./shard-feed.ts";

/** Records named `key:number`; the number is the sequence number too. */
function delivery(...names: readonly string[]): Delivery {
  const records = names.map((name) => {
    const [partitionKey = "", sequenceNumber = ""] = name.split(":");
    return {
      partitionKey,
      explicitHashKey: undefined,
      data: Buffer.from(name),
      sequenceNumber,
      subSequenceNumber: 0,
      approximateArrivalMs: 0,
    };
  });
  const { sequenceNumber, subSequenceNumber } = records.at(-1)!;
  return { records, end: { sequenceNumber, subSequenceNumber }, millisBehindLatest: 0 };
}

function runnerOf(handler: RunnerOptions["handler"], options: Partial<RunnerOptions> = {}) {
  const clock = simulatedClock();
  const ending = new AbortController();
  const counts = { givenBack: 0 };
  const log = memoryLogger();
  const runner = new RecordRunner({
    handler,
    onError: "retry",
    concurrency: 4,
    streamName: "s",
    shardId: "shard",
    clock,
    random: seededRandom(1),
    log,
    lost: new AbortController().signal,
    ending: ending.signal,
    giveBack: (count) => (counts.givenBack += count),
    ...options,
  });
  return { runner, clock, ending, counts, log };
}

const doneOf = ({ donePlace }: RecordRunner) => donePlace?.sequenceNumber;

describe("a handler", () => {
  test("that returns no promise is called for all records before anything else happens", async () => {
    const seen: string[] = [];
    const { runner, counts } = runnerOf(({ sequenceNumber }) => void seen.push(sequenceNumber));
    const running = runner.run(delivery("a:1", "b:2", "a:3"));
    expect(seen).toEqual(["1", "2", "3"]);
    await running;
    expect(doneOf(runner)).toBe("3");
    expect(counts.givenBack).toBe(3);
  });

  test("handles so many at once as it may, and never two of one key", async () => {
    const running = new Set<string>();
    const order: string[] = [];
    let most = 0;
    const { runner, clock } = runnerOf(
      async ({ partitionKey, sequenceNumber }) => {
        expect(running.has(partitionKey)).toBe(false);
        running.add(partitionKey);
        most = Math.max(most, running.size);
        order.push(`${partitionKey}:${sequenceNumber}`);
        await clock.sleep(partitionKey === "a" ? 50 : 10);
        running.delete(partitionKey);
      },
      { concurrency: 3 },
    );
    const names = Array.from({ length: 40 }, (_, at) => `${"abcde"[(at * 7) % 5]}:${at + 1}`);
    await clock.finish(runner.run(delivery(...names)).then(() => runner.idle()));
    expect(most).toBe(3);
    for (const key of "abcde") {
      const mine = (name: string): boolean => name.startsWith(key);
      expect(order.filter(mine)).toEqual(names.filter(mine));
    }
    expect(doneOf(runner)).toBe("40");
  });

  test("is told of the attempt, and of the shard", async () => {
    const contexts: unknown[] = [];
    const { runner, clock } = runnerOf((_record, { attempt, shardId, streamName }) => {
      contexts.push({ attempt, shardId, streamName });
      if (attempt < 3) throw new Error("not yet");
    });
    await clock.finish(runner.run(delivery("a:1")).then(() => runner.idle()));
    expect(contexts).toEqual([1, 2, 3].map((attempt) => ({ attempt, shardId: "shard", streamName: "s" })));
  });
});

test("a handler that keeps the thread busy leaves it to others now and then, however small the deliveries are", async () => {
  const base = simulatedClock();
  let busyMs = 0;
  let turnCount = 0;
  const clock: Clock = {
    nowMs: () => base.nowMs() + busyMs,
    monotonicMs: () => base.monotonicMs() + busyMs,
    schedule: (delayMs, callback) => base.schedule(delayMs, callback),
    soon: (callback) => base.soon(callback),
    sleep(delayMs) {
      turnCount += 1;
      return base.sleep(delayMs);
    },
  };
  const { runner } = runnerOf(() => void (busyMs += 1), { clock });
  for (let number = 1; number <= 1_000; number += 1) {
    await base.finish(runner.run(delivery(`a:${number}`)));
  }
  expect(turnCount).toBe(3);
});

describe("what is done", () => {
  test("ends before the first record that is not, whatever is done behind it", async () => {
    const release = new Map<string, () => void>();
    const { runner, counts } = runnerOf(
      ({ sequenceNumber }) => new Promise<void>((resolve) => void release.set(sequenceNumber, resolve)),
    );
    await runner.run(delivery("a:1", "b:2", "c:3"));
    const turn = () => new Promise((resolve) => void setImmediate(resolve));
    release.get("2")!();
    await turn();
    expect([doneOf(runner), counts.givenBack]).toEqual([undefined, 0]);
    release.get("1")!();
    await turn();
    expect([doneOf(runner), counts.givenBack]).toEqual(["2", 2]);
    release.get("3")!();
    await turn();
    expect([doneOf(runner), counts.givenBack]).toEqual(["3", 3]);
  });

  test("does not grow when the session ends, and nothing waits for a retry any more", async () => {
    const { runner, clock, ending } = runnerOf(({ sequenceNumber }) => {
      if (sequenceNumber === "2") throw new Error("never");
    });
    await clock.finish(runner.run(delivery("a:1", "b:2", "b:3", "c:4")));
    await clock.runFor(5_000);
    ending.abort();
    await clock.finish(runner.idle());
    expect(doneOf(runner)).toBe("1");
  });
});

describe("a record that cannot be handled", () => {
  const fails = ({ sequenceNumber }: { sequenceNumber: string }) => {
    if (sequenceNumber === "2") throw new Error("bad");
  };

  test("is tried again until it works, with growing delays, and holds up only its key", async () => {
    const seen: string[] = [];
    let badUntil = Infinity;
    const { runner, clock } = runnerOf((record) => {
      if (record.sequenceNumber === "2" && clock.monotonicMs() < badUntil) throw new Error("bad");
      seen.push(record.sequenceNumber);
    });
    await clock.finish(runner.run(delivery("a:1", "b:2", "b:3", "c:4")));
    await clock.runFor(60_000);
    expect(seen).toEqual(["1", "4"]);
    badUntil = 0;
    await clock.runFor(60_000);
    expect(seen).toEqual(["1", "4", "2", "3"]);
    expect(doneOf(runner)).toBe("4");
  });

  test("is passed over when told to, and logged without its data", async () => {
    const { runner, clock, log } = runnerOf(fails, { onError: "skip" });
    await clock.finish(runner.run(delivery("a:1", "b:2", "b:3")).then(() => runner.idle()));
    expect(doneOf(runner)).toBe("3");
    expect(log.lines.map(({ fields }) => fields["sequenceNumber"])).toEqual(["2"]);
  });

  test("goes to the dead letters after so many attempts, and is not done until they have it", async () => {
    const letters: string[] = [];
    let isRefused = true;
    const { runner, clock } = runnerOf(fails, {
      onError: {
        attemptCountMax: 3,
        afterwards: ({ sequenceNumber }, error, { attempt }) => {
          letters.push(`${sequenceNumber} ${String(error)} ${attempt}`);
          if (isRefused) throw new Error("the queue is full");
        },
      },
    });
    await clock.finish(runner.run(delivery("a:1", "b:2", "b:3")));
    await clock.runFor(2_000);
    expect(letters[0]).toBe("2 Error: bad 3");
    expect(doneOf(runner)).toBe("1");
    isRefused = false;
    await clock.finish(runner.idle());
    expect(doneOf(runner)).toBe("3");
  });
});
