import { describe, expect, test } from "vitest";
import type { MovableServiceClock, SimulatedClock } from "./index.ts";
import { serviceClock, simulatedClock } from "./index.ts";

const START_MS = Date.UTC(2026, 0, 1);
const HOUR_MS = 3_600_000;

function clocks(offsetMs = 0): { machine: SimulatedClock; service: MovableServiceClock } {
  const machine = simulatedClock({ startMs: START_MS });
  return { machine, service: serviceClock(machine, offsetMs) };
}

describe("service time", () => {
  test("is machine time plus the offset", async () => {
    const { machine, service } = clocks(5_000);
    expect(service.nowMs()).toBe(START_MS + 5_000);
    await machine.runFor(250);
    expect(service.nowMs()).toBe(START_MS + 5_250);
    expect(service.offsetMs()).toBe(5_000);
  });

  test("stands still when the machine's clock is set back, until that has caught up", async () => {
    const { machine, service } = clocks();
    service.nowMs();
    machine.jump(-10_000);
    expect(service.nowMs()).toBe(START_MS);
    await machine.runFor(9_999);
    expect(service.nowMs()).toBe(START_MS);
    await machine.runFor(2);
    expect(service.nowMs()).toBe(START_MS + 1);
  });

  test("reports jumps of the machine's clock past a second, and no others", async () => {
    const { machine, service } = clocks();
    const jumps: number[] = [];
    const end = service.onJump((jumpMs) => jumps.push(jumpMs));
    machine.jump(900);
    service.nowMs();
    await machine.runFor(60_000);
    service.nowMs();
    machine.jump(-5_000);
    service.nowMs();
    machine.jump(HOUR_MS);
    service.nowMs();
    expect(jumps).toEqual([-5_000, HOUR_MS]);
    end();
    machine.jump(HOUR_MS);
    service.nowMs();
    expect(jumps).toHaveLength(2);
  });

  test("notices a jump by itself while timers are waiting, and fires what it made due", async () => {
    const { machine, service } = clocks();
    const jumps: number[] = [];
    service.onJump((jumpMs) => jumps.push(jumpMs));
    let fired = false;
    service.schedule(24 * HOUR_MS, () => {
      fired = true;
    });
    machine.jump(23 * HOUR_MS + 3_599_000);
    await machine.runFor(31_000);
    expect(jumps).toEqual([23 * HOUR_MS + 3_599_000]);
    expect(fired).toBe(true);
  });

  test("is restored forward only", async () => {
    const { machine, service } = clocks(1_000);
    const fired: number[] = [];
    service.schedule(HOUR_MS, () => void fired.push(service.nowMs()));
    service.restore(2 * HOUR_MS);
    expect(service.offsetMs()).toBe(2 * HOUR_MS);
    await machine.runFor(0);
    expect(fired).toEqual([START_MS + 2 * HOUR_MS]);
    expect(() => service.restore(1_000)).toThrow(RangeError);
    expect(() => service.restore(Number.NaN)).toThrow(RangeError);
  });

  test("its monotonic time follows what was advanced", async () => {
    const { machine, service } = clocks();
    const before = service.monotonicMs();
    await service.advance(HOUR_MS);
    await machine.runFor(10);
    expect(service.monotonicMs() - before).toBe(HOUR_MS + 10);
  });
});

describe("timers of service time", () => {
  test("fire at their time, with no more timers of the machine than one", async () => {
    const { machine, service } = clocks();
    const fired: [string, number][] = [];
    for (const [name, delayMs] of [
      ["c", 300],
      ["a", 100],
      ["b", 100],
      ["now", 0],
      ["past", -5],
    ] as const) {
      service.schedule(delayMs, () => void fired.push([name, service.nowMs() - START_MS]));
    }
    expect(machine.pendingCount).toBe(1);
    await machine.runUntilIdle();
    expect(fired).toEqual([
      ["now", 0],
      ["past", 0],
      ["a", 100],
      ["b", 100],
      ["c", 300],
    ]);
  });

  test("do not fire once cancelled, and leave the machine nothing to wait for", () => {
    const { machine, service } = clocks();
    const one = service.schedule(100, () => undefined);
    const other = service.schedule(200, () => undefined);
    one.cancel();
    other.cancel();
    one.cancel();
    expect(machine.pendingCount).toBe(0);
  });

  test("a callback that schedules for at once does not hold the turn", async () => {
    const { machine, service } = clocks();
    let count = 0;
    const again = (): void => {
      count += 1;
      if (count < 1_000) service.schedule(0, again);
    };
    service.schedule(0, again);
    await machine.runFor(0);
    expect(count).toBe(1_000);
  });

  test("a failing callback goes to the machine's clock, and the others of its turn still fire", async () => {
    const { machine, service } = clocks();
    let fired = false;
    service.schedule(5, () => {
      throw new Error("first");
    });
    service.schedule(5, () => {
      fired = true;
    });
    await expect(machine.runUntilIdle()).rejects.toThrow("first");
    expect(fired).toBe(true);
  });
});

describe("advancing service time", () => {
  test("fires timers in the order of their times, each at its time, with those that they schedule", async () => {
    const { service } = clocks();
    const fired: [string, number][] = [];
    const note = (name: string): void => void fired.push([name, service.nowMs() - START_MS]);
    service.schedule(3_000, () => note("c"));
    service.schedule(1_000, () => {
      note("a");
      service.schedule(1_500, () => note("b"));
      service.schedule(60_000, () => note("never"));
    });
    await service.advance(10_000);
    expect(fired).toEqual([
      ["a", 1_000],
      ["b", 2_500],
      ["c", 3_000],
    ]);
    expect(service.nowMs()).toBe(START_MS + 10_000);
    expect(service.offsetMs()).toBe(10_000);
  });

  test("waits for the work of each callback before the next one, and for the last", async () => {
    const { machine, service } = clocks();
    const trace: string[] = [];
    for (const name of ["a", "b"]) {
      service.schedule(1_000, async () => {
        trace.push(`${name} begins`);
        await machine.sleep(50);
        trace.push(`${name} ends`);
      });
    }
    const advanced = service.advance(1_000).then(() => trace.push("advanced"));
    await machine.finish(advanced);
    expect(trace).toEqual(["a begins", "a ends", "b begins", "b ends", "advanced"]);
  });

  test("takes no longer on the machine than the work itself", async () => {
    const { machine, service } = clocks();
    service.schedule(365 * 24 * HOUR_MS, () => machine.sleep(7));
    await machine.finish(service.advance(365 * 24 * HOUR_MS));
    expect(machine.nowMs() - START_MS).toBe(7);
    expect(service.offsetMs()).toBe(365 * 24 * HOUR_MS);
  });

  test("wakes work that sleeps in service time, and waits for it again", async () => {
    const { machine, service } = clocks();
    const trace: string[] = [];
    service.schedule(100, async () => {
      await service.sleep(1_000);
      trace.push(`woken at ${service.nowMs() - START_MS}`);
      await machine.sleep(20);
      trace.push("worked");
      await service.sleep(HOUR_MS);
      trace.push("an hour later");
    });
    service.schedule(1_500, () => void trace.push("next"));
    await machine.finish(service.advance(5_000));
    expect(trace).toEqual(["woken at 1100", "worked", "next"]);
    await machine.finish(service.advance(HOUR_MS));
    expect(trace.at(-1)).toBe("an hour later");
  });

  test("somebody who slept until a time goes on before the timers after it", async () => {
    const { service } = clocks();
    const trace: number[] = [];
    void service.sleep(1_000).then(() => trace.push(service.nowMs() - START_MS));
    service.schedule(2_000, () => void trace.push(service.nowMs() - START_MS));
    await service.advance(3_000);
    expect(trace).toEqual([1_000, 2_000]);
  });

  test("advances one after the other", async () => {
    const { machine, service } = clocks();
    const trace: string[] = [];
    service.schedule(1_000, async () => {
      await machine.sleep(50);
      trace.push("first");
    });
    service.schedule(2_000, () => void trace.push("second"));
    const both = Promise.all([
      service.advance(1_000).then(() => trace.push("advanced once")),
      service.advance(1_000).then(() => trace.push("advanced twice")),
    ]);
    await machine.finish(both);
    expect(trace).toEqual(["first", "advanced once", "second", "advanced twice"]);
    expect(service.offsetMs()).toBe(2_000);
  });

  test("moves time that stands still from where it stands", async () => {
    const { machine, service } = clocks();
    service.nowMs();
    machine.jump(-HOUR_MS);
    await service.advance(1_000);
    expect(service.nowMs()).toBe(START_MS + 1_000);
  });

  test("rejects with the failure of a callback, which the machine's clock gets too", async () => {
    const { machine, service } = clocks();
    service.schedule(1_000, () => Promise.reject(new Error("broken work")));
    await expect(service.advance(5_000)).rejects.toThrow("broken work");
    await expect(machine.runUntilIdle()).rejects.toThrow("broken work");
  });

  test("refuses to go back", async () => {
    const { service } = clocks();
    await expect(service.advance(-1)).rejects.toThrow(RangeError);
    await expect(service.advance(Number.NaN)).rejects.toThrow(RangeError);
    await service.advance(0);
    expect(service.offsetMs()).toBe(0);
  });

  test("100,000 timers fire in order", async () => {
    const { service } = clocks();
    const count = 100_000;
    const fired: number[] = [];
    for (let timer = 0; timer < count; timer += 1) {
      const delayMs = (timer * 7_919) % count;
      service.schedule(delayMs, () => void fired.push(delayMs));
    }
    await service.advance(count);
    expect(fired.length).toBe(count);
    expect(fired.every((delayMs, index) => delayMs === index)).toBe(true);
  });
});
