import { describe, expect, test } from "vitest";
import type { SimulatedRuntime } from "../index.ts";
import { ProcessEnded, serviceClock, simulatedClock, simulatedRuntime } from "../index.ts";

const START_MS = Date.UTC(2026, 0, 1);

describe("simulated time", () => {
  test("goes from event to event, by time and then in the order of scheduling", async () => {
    const clock = simulatedClock();
    const trace: [string, number][] = [];
    const note = (name: string) => (): void => void trace.push([name, clock.nowMs() - START_MS]);
    clock.schedule(20, note("c"));
    clock.schedule(10, note("a"));
    clock.schedule(10, note("b"));
    clock.soon(note("soon"));
    await clock.runFor(15);
    expect(trace).toEqual([
      ["soon", 0],
      ["a", 10],
      ["b", 10],
    ]);
    expect([clock.nowMs() - START_MS, clock.pendingCount]).toEqual([15, 1]);
    await clock.run(START_MS + 20);
    expect(trace.at(-1)).toEqual(["c", 20]);
  });

  test("soon comes after what is due at the same instant already", async () => {
    const clock = simulatedClock();
    const trace: string[] = [];
    clock.schedule(5, () => clock.soon(() => trace.push("soon")));
    clock.schedule(5, () => void trace.push("same instant"));
    await clock.runUntilIdle();
    expect(trace).toEqual(["same instant", "soon"]);
  });

  test("promises settle between two events, however many there are in a row", async () => {
    const clock = simulatedClock();
    let steps = 0;
    clock.schedule(1, async () => {
      for (; steps < 1_000; steps += 1) await Promise.resolve();
    });
    clock.schedule(1, () => expect(steps).toBe(1_000));
    await clock.runUntilIdle();
    expect(steps).toBe(1_000);
  });

  test("the wall clock can be set; timers and monotonic time do not notice", async () => {
    const clock = simulatedClock({ startMs: 1_000_000 });
    let firedAtMs = 0;
    clock.schedule(100, () => {
      firedAtMs = clock.monotonicMs();
    });
    clock.jump(-500_000);
    await clock.runUntilIdle();
    expect([firedAtMs, clock.nowMs()]).toEqual([100, 500_100]);
  });

  test("a run rejects with what a callback fails with", async () => {
    const clock = simulatedClock();
    clock.schedule(1, () => Promise.reject(new Error("late")));
    await expect(clock.runUntilIdle()).rejects.toThrow("late");
    clock.schedule(1, () => {
      throw new Error("now");
    });
    await expect(clock.runFor(5)).rejects.toThrow("now");
    await clock.runFor(5);
  });

  test("finishing a promise runs no further than it needs, and says when it never would", async () => {
    const clock = simulatedClock();
    clock.schedule(100, () => undefined);
    expect(await clock.finish(clock.sleep(50).then(() => "slept"))).toBe("slept");
    expect(clock.monotonicMs()).toBe(50);
    await expect(clock.finish(new Promise(() => undefined))).rejects.toThrow("nothing is left to happen");
  });

  test("events without end are found out", async () => {
    const clock = simulatedClock();
    const again = (): void => void clock.schedule(1, again);
    again();
    await expect(clock.runUntilIdle(1_000)).rejects.toThrow("not idle after 1000 ms");
  });

  test("only one run goes on at a time", async () => {
    const clock = simulatedClock();
    const first = clock.runFor(10);
    await expect(clock.runFor(10)).rejects.toThrow("running already");
    await first;
  });
});

/** A small service: appends to a log with group syncs, on timers, with chance deciding what. */
async function busyHistory(seed: number): Promise<{ digest: string; trace: string }> {
  const runtime = simulatedRuntime({ seed });
  const { world } = runtime;
  const trace: string[] = [];

  async function work({
    clock,
    files,
    random,
    secrets,
  }: Pick<SimulatedRuntime, "clock" | "files" | "random" | "secrets">) {
    await files.makeDirectory("/data");
    const name = `/data/${random.below(1_000)}`;
    const file = await files.open(name, { create: true, durableWrites: random.below(2) === 0 });
    let position = 0;
    const service = serviceClock(clock);
    const tick = async (): Promise<void> => {
      const bytes = secrets.bytes(1 + random.below(3_000));
      const at = position;
      position += bytes.length;
      service.schedule(random.below(4), tick);
      const count = await file.write(bytes, at);
      trace.push(`${clock.monotonicMs().toFixed(4)} ${name} ${at} ${count}`);
      if (random.below(3) === 0) await file.sync();
    };
    service.schedule(0, tick);
    service.schedule(0, tick);
  }

  let process: Parameters<typeof work>[0] = runtime;
  for (let life = 0; life < 4; life += 1) {
    const started = process;
    process.clock.soon(() => void work(started));
    await world.clock.runFor(20 + world.random.below(50));
    world.crash({ powerCut: world.random.below(2) === 0 });
    process = world.start();
  }
  return { digest: world.disk.dump().digest, trace: trace.join("\n") };
}

describe("a simulated world", () => {
  test("one seed gives one history, and another seed another", async () => {
    const first = await busyHistory(4_711);
    expect(first.trace.split("\n").length).toBeGreaterThan(20);
    expect(await busyHistory(4_711)).toEqual(first);
    expect((await busyHistory(4_712)).digest).not.toBe(first.digest);
  });

  test("disk operations take virtual time, and pass each other", async () => {
    const orders = new Set<string>();
    for (let seed = 0; seed < 20; seed += 1) {
      const { files, clock, world } = simulatedRuntime({ seed });
      const file = await world.finish(files.open("a", { create: true }));
      const done: string[] = [];
      const note = (name: string) => (): void => void done.push(name);
      const all = Promise.all([
        file.write(Uint8Array.of(1), 0).then(note("1")),
        file.write(Uint8Array.of(2), 600).then(note("2")),
        file.sync().then(note("s")),
      ]);
      await world.finish(all);
      expect(clock.monotonicMs()).toBeGreaterThan(0.2);
      orders.add(done.join(""));
    }
    expect(orders).toEqual(new Set(["12s", "21s"]));
  });

  test("a sync keeps what was written before the call, and not what was written during it", async () => {
    const kept = new Set<string>();
    for (let seed = 0; seed < 200; seed += 1) {
      const { files, world } = simulatedRuntime({
        seed,
        disk: { latencyMs: { write: [0, 0], sync: [5, 5] } },
      });
      const file = await world.finish(files.open("a", { create: true }));
      await world.finish(
        Promise.all([file.write(new Uint8Array(1_024).fill(1), 0), files.syncDirectory(".")]),
      );
      const synced = file.sync();
      await world.finish(file.write(new Uint8Array(512).fill(2), 512));
      await world.finish(synced);
      world.crash({ powerCut: true });
      const bytes = world.disk.bytes("a");
      kept.add(`${bytes.length} ${bytes[0]} ${bytes[512]}`);
    }
    expect(kept).toEqual(new Set(["1024 1 1", "1024 1 2"]));
  });

  test("a durable write in flight at a power cut may be there, not be there, or be torn", async () => {
    const found = new Set<string>();
    for (let seed = 0; seed < 200; seed += 1) {
      const { files, world } = simulatedRuntime({ seed });
      world.disk.place("/a", new Uint8Array(1_536).fill(1));
      const file = await world.finish(files.open("/a", { write: true, durableWrites: true }));
      void file.write(new Uint8Array(1_536).fill(2), 0);
      world.crash({ powerCut: true });
      const bytes = world.disk.bytes("/a");
      found.add([0, 512, 1_024].map((at) => bytes[at]).join(""));
    }
    expect(found.size).toBe(8);
  });

  test("of a process that was killed nothing happens any more", async () => {
    const { clock, files, world } = simulatedRuntime({ seed: 1 });
    const trace: string[] = [];
    clock.schedule(10, () => void trace.push("timer"));
    clock.soon(() => trace.push("soon"));
    void clock.sleep(5).then(() => trace.push("slept"));
    void files.makeDirectory("/d").then(() => trace.push("made"));
    world.crash({ powerCut: false });
    clock.schedule(1, () => void trace.push("scheduled after the end"));
    await world.runUntilIdle();
    expect(trace).toEqual([]);
    const next = world.start();
    next.clock.schedule(1, () => void trace.push("next life"));
    await world.runUntilIdle();
    expect(trace).toEqual(["next life"]);
  });

  test("starting a process ends the one before", async () => {
    const { clock, world } = simulatedRuntime({ seed: 1 });
    let fired = false;
    clock.schedule(1, () => {
      fired = true;
    });
    world.start();
    await world.runUntilIdle();
    expect(fired).toBe(false);
  });

  test("a crash ends the process, tells the world, and throws", async () => {
    const reasons: string[] = [];
    const runtime = simulatedRuntime({ seed: 1, onCrash: (reason) => void reasons.push(reason) });
    let after = false;
    runtime.clock.schedule(5, () => {
      after = true;
    });
    runtime.clock.schedule(1, () => runtime.crash("fsync failed", new Error("EIO")));
    await runtime.world.runUntilIdle();
    expect(after).toBe(false);
    expect(reasons).toEqual(["fsync failed"]);
    expect(() => runtime.crash("again")).toThrow(ProcessEnded);
    expect(reasons).toHaveLength(1);
    expect(runtime.world.log.lines).toEqual([
      { level: "error", message: "the process ends: fsync failed", fields: { cause: "Error: EIO" } },
    ]);
  });

  test("a crash that nobody expects fails the run", async () => {
    const runtime = simulatedRuntime({ seed: 1 });
    runtime.clock.schedule(1, () => Promise.reject(new Error("a bug")));
    const failure: unknown = await runtime.world.runUntilIdle().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ProcessEnded);
    expect((failure as ProcessEnded).cause).toEqual(new Error("a bug"));
  });

  test("secrets and chance of a process come from the seed", () => {
    const draw = (seed: number): string => {
      const { random, secrets, world } = simulatedRuntime({ seed });
      const first = [random.below(1e9), secrets.bytes(8), world.random.below(1e9)];
      const next = world.start();
      return JSON.stringify([...first, next.random.below(1e9), next.secrets.bytes(8)]);
    };
    expect(draw(5)).toBe(draw(5));
    expect(draw(5)).not.toBe(draw(6));
  });
});
