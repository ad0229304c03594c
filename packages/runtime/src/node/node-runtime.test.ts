import { describe, expect, test, vi } from "vitest";
import { nodeRuntime } from "../index.ts";
import { nodeClock } from "./node-clock.ts";
import { nodeCrash } from "./node-crash.ts";
import { logLine, nodeLogger } from "./node-logger.ts";

const NOON_MS = Date.UTC(2026, 0, 2, 12);

describe("the machine's clock", () => {
  const crash = vi.fn<(reason: string, cause: unknown) => void>();

  test("never calls before the delay is over", async () => {
    const clock = nodeClock(crash);
    const delays = [0, 0.4, 1, 3, 7.5];
    await Promise.all(
      delays.map(async (delayMs) => {
        const beganMs = clock.monotonicMs();
        await clock.sleep(delayMs);
        expect(clock.monotonicMs() - beganMs).toBeGreaterThanOrEqual(delayMs);
      }),
    );
  });

  test("a delay longer than Node's timers can hold does not fire at once", () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    try {
      const clock = nodeClock(crash);
      let fired = 0;
      const month = 30 * 24 * 3_600_000;
      clock.schedule(month, () => {
        fired += 1;
      });
      const cancelled = clock.schedule(month, () => {
        fired += 100;
      });
      vi.advanceTimersByTime(month - 1);
      expect(fired).toBe(0);
      // Cancelled in its second part.
      cancelled.cancel();
      vi.advanceTimersByTime(1);
      expect(fired).toBe(1);
    } finally {
      vi.useRealTimers();
    }
  });

  test("a cancelled timer does not fire", async () => {
    const clock = nodeClock(crash);
    let fired = false;
    clock
      .schedule(1, () => {
        fired = true;
      })
      .cancel();
    await clock.sleep(5);
    expect(fired).toBe(false);
  });

  test("soon comes after what is waiting already", async () => {
    const clock = nodeClock(crash);
    const trace: string[] = [];
    void Promise.resolve().then(() => trace.push("microtask"));
    await new Promise<void>((resolve) => {
      clock.soon(() => trace.push("soon"));
      clock.soon(resolve);
      trace.push("now");
    });
    expect(trace).toEqual(["now", "microtask", "soon"]);
  });

  test("what callbacks throw or reject with ends the process", async () => {
    const clock = nodeClock(crash);
    const thrown = new Error("thrown");
    const rejected = new Error("rejected");
    const late = new Error("late");
    clock.schedule(0, () => {
      throw thrown;
    });
    clock.schedule(0, () => Promise.reject(rejected));
    clock.soon(() => {
      throw late;
    });
    await clock.sleep(5);
    expect(new Set(crash.mock.calls.map(([, cause]) => cause))).toEqual(new Set([thrown, rejected, late]));
  });
});

describe("log lines", () => {
  test("as text are one line each, with time, level, message and fields", () => {
    const line = logLine("text", NOON_MS, "warn", "disk is\nfull", {
      directory: "my data",
      freeBytes: 12,
      readOnly: true,
      request: "r-1",
      empty: "",
      quote: 'a"b',
      missing: undefined,
      escape: "\u001b[2J",
    });
    expect(line).toMatch(/^2026-01-02T\d\d:\d\d:00\.000[+-]\d\d:\d\d WARN {2}disk is\\u000afull /);
    expect(Date.parse(line.slice(0, 29))).toBe(NOON_MS);
    expect(line.slice(line.indexOf(" directory="))).toBe(
      ' directory="my data" freeBytes=12 readOnly=true request=r-1 empty="" quote="a\\"b" escape="\\u001b[2J"\n',
    );
  });

  test("as JSON are one object each, and fields never replace what every line has", () => {
    const line = logLine("json", NOON_MS, "info", "listening", {
      port: 4566,
      level: "odd",
      missing: undefined,
    });
    expect(line.endsWith("}\n")).toBe(true);
    expect(JSON.parse(line)).toEqual({
      time: "2026-01-02T12:00:00.000Z",
      level: "info",
      message: "listening",
      port: 4566,
      "field.level": "odd",
    });
  });

  test("below the level are not written", () => {
    const lines: string[] = [];
    const log = nodeLogger({
      level: "warn",
      format: "json",
      clock: { nowMs: () => NOON_MS },
      write: (line) => void lines.push(line),
    });
    log.debug("a");
    log.info("b");
    log.warn("c");
    log.error("d");
    expect(lines.map((line) => (JSON.parse(line) as { message: string }).message)).toEqual(["c", "d"]);
  });
});

describe("a crash", () => {
  const exit = (code: number): never => {
    throw new Error(`exited with ${code}`);
  };

  test("writes the reason and the cause, then ends the process", () => {
    const written: string[] = [];
    const crash = nodeCrash({
      format: "json",
      nowMs: () => NOON_MS,
      writeNow: (text) => void written.push(text),
      exitNow: exit,
    });
    expect(() => crash("fsync failed", new Error("EIO"))).toThrow("exited with 70");
    const line = JSON.parse(written.join("")) as Record<string, string>;
    expect(line).toMatchObject({ level: "error", message: "the process ends: fsync failed" });
    expect(line["cause"]).toContain("EIO");
  });

  test("ends the process even when nothing can be written", () => {
    const crash = nodeCrash({
      format: "text",
      nowMs: () => NOON_MS,
      writeNow: () => {
        throw new Error("EPIPE");
      },
      exitNow: exit,
    });
    expect(() => crash("fsync failed")).toThrow("exited with 70");
  });
});

describe("the machine's runtime", () => {
  test("has chance and secrets that differ from run to run", () => {
    const [one, other] = [nodeRuntime(), nodeRuntime()];
    expect(one.random.bytes(16)).not.toEqual(other.random.bytes(16));
    expect(one.secrets.bytes(16)).not.toEqual(one.secrets.bytes(16));
    expect(one.secrets.bytes(32)).toHaveLength(32);
  });

  test("tells the time of the machine", () => {
    const { clock } = nodeRuntime();
    expect(Math.abs(clock.nowMs() - Date.now())).toBeLessThan(1_000);
    expect(clock.monotonicMs()).toBeLessThanOrEqual(clock.monotonicMs());
  });
});
