/**
 * What every log engine must do, as tests. Each engine's own test file calls {@link logEngineContract}.
 */
import { describe, expect, test } from "vitest";
import {
  MANY,
  type Open,
  openLog,
  put,
  readAll,
  recordsOf,
  texts,
  textsOf,
} from "./contract/engine-under-test.contract.ts";
import { placedAppends } from "./contract/placed-appends.contract.ts";
import { encodeBatch } from "./entry-codec.ts";
import type { StateChange } from "./log-engine.ts";

export type { EngineUnderTest } from "./contract/engine-under-test.contract.ts";
export { stateStoreContract, type StoreUnderTest } from "./state-store.contract.ts";

export function logEngineContract(name: string, open: Open): void {
  describe(`log engine: ${name}`, () => {
    appendsAndReads(open);
    placedAppends(open);
    closes(open);
    trimsAndDrops(open);
    watching(open);
    reopening(open);
  });
}

function appendsAndReads(open: Open): void {
  describe("appends and reads", () => {
    test("entries get indexes from 1 on in the order of the calls, and are read in that order", async () => {
      const { engine } = await open();
      const log = await openLog(engine);
      const outcomes = await Promise.all(texts(20).map((text) => put(engine, log, text)));
      expect(outcomes.map((outcome) => outcome.kind === "appended" && outcome.index)).toEqual(
        Array.from({ length: 20 }, (_, index) => index + 1),
      );
      expect(await readAll(engine, log)).toEqual(texts(20));
      expect(engine.describe(log)).toMatchObject({ trimIndex: 1, nextIndex: 21, endIndex: undefined });
      await engine.close();
    });

    test("an answered append can be read at once", async () => {
      const { engine } = await open();
      const log = await openLog(engine);
      for (const text of texts(5)) {
        const outcome = await put(engine, log, text);
        expect(outcome.kind).toBe("appended");
        if (outcome.kind !== "appended") return;
        const read = await engine.read(log, outcome.index, MANY);
        expect(textsOf(read)).toEqual([text]);
      }
      await engine.close();
    });

    test("all records of an entry come back with their keys, and empty ones too", async () => {
      const { engine } = await open();
      const log = await openLog(engine);
      const records = [
        { key: Buffer.from("k"), data: Buffer.from("one") },
        { key: undefined, data: Buffer.alloc(0) },
        { key: Buffer.from("ü"), data: Buffer.alloc(100_000, 7) },
      ];
      await engine.append(log, encodeBatch(records));
      const read = await engine.read(log, 1, MANY);
      expect(read.kind).toBe("entries");
      if (read.kind !== "entries") return;
      expect(read.entries[0]?.recordCount).toBe(3);
      expect(recordsOf(read.entries[0]!.payload)).toEqual(
        records.map(({ key, data }) => ({ key: key ?? Buffer.alloc(0), data })),
      );
      await engine.close();
    });

    test("a read stops at its limits but always moves on", async () => {
      const { engine } = await open();
      const log = await openLog(engine);
      await Promise.all(texts(10).map((text) => put(engine, log, text)));
      const byRecords = await engine.read(log, 3, { maxBytes: 1e9, maxRecords: 2 });
      expect(textsOf(byRecords)).toEqual(["entry 2", "entry 3"]);
      expect(byRecords).toMatchObject({ nextIndex: 5, ended: false });
      const byBytes = await engine.read(log, 1, { maxBytes: 1, maxRecords: 100 });
      expect(textsOf(byBytes)).toEqual(["entry 0"]);
      await engine.close();
    });

    test("at the tip a read is empty and stays where it is", async () => {
      const { engine } = await open();
      const log = await openLog(engine);
      expect(await engine.read(log, 1, MANY)).toEqual({
        kind: "entries",
        entries: [],
        nextIndex: 1,
        ended: false,
      });
      await put(engine, log, "one");
      expect(await engine.read(log, 2, MANY)).toEqual({
        kind: "entries",
        entries: [],
        nextIndex: 2,
        ended: false,
      });
      await engine.close();
    });

    test("logs do not see each other's entries", async () => {
      const { engine } = await open();
      const logs = [await openLog(engine), await openLog(engine), await openLog(engine)];
      await Promise.all(texts(30).map((text, index) => put(engine, logs[index % 3]!, text)));
      for (const [index, log] of logs.entries()) {
        expect(await readAll(engine, log)).toEqual(texts(30).filter((_, at) => at % 3 === index));
      }
      await engine.close();
    });

    test("arrivals do not go down, and seek finds the first entry at or after a time", async () => {
      const { engine, advance } = await open();
      const log = await openLog(engine);
      const arrivals: number[] = [];
      for (const text of texts(10)) {
        const outcome = await put(engine, log, text);
        if (outcome.kind === "appended") arrivals.push(outcome.arrivalMs);
        await advance(1_000);
      }
      expect(arrivals).toHaveLength(10);
      expect(arrivals).toEqual([...arrivals].sort((one, other) => one - other));
      for (const [index, arrivalMs] of arrivals.entries()) {
        expect(await engine.seek(log, arrivalMs)).toBe(index + 1);
        expect(await engine.seek(log, arrivalMs + 1)).toBe(index + 2);
      }
      expect(await engine.seek(log, 0)).toBe(1);
      expect(engine.describe(log)?.lastArrivalMs).toBe(arrivals.at(-1));
      expect(engine.newestArrivalMs()).toBe(arrivals.at(-1));
      await engine.close();
    });

    test("a log that was never opened takes nothing and is gone", async () => {
      const { engine } = await open();
      const log = engine.allocateLogId();
      expect(await put(engine, log, "lost")).toEqual({ kind: "closed" });
      expect(engine.describe(log)).toBeUndefined();
      expect(await engine.read(log, 1, MANY)).toEqual({ kind: "gone" });
      await engine.close();
    });
  });
}

function closes(open: Open): void {
  describe("closes", () => {
    test("what is put into an engine that was closed is refused", async () => {
      const { engine } = await open();
      const log = await openLog(engine);
      expect(await put(engine, log, "in time")).toMatchObject({ kind: "appended" });
      await engine.close();
      expect(await put(engine, log, "late")).toMatchObject({ kind: "read-only" });
      expect(engine.readOnlyReason()).toBeDefined();
    });

    test("entries queued before the close are stored, entries queued after it are bounced", async () => {
      const { engine } = await open();
      const log = await openLog(engine);
      const before = texts(5).map((text) => put(engine, log, text));
      const close = engine.state.commit({ closes: [log] });
      const after = texts(5).map((text) => put(engine, log, text));
      expect((await Promise.all(before)).map(({ kind }) => kind)).toEqual(Array(5).fill("appended"));
      expect((await close).kind).toBe("committed");
      expect((await Promise.all(after)).map(({ kind }) => kind)).toEqual(Array(5).fill("closed"));
      expect(engine.describe(log)).toMatchObject({ nextIndex: 6, endIndex: 6 });
      expect(await readAll(engine, log)).toEqual(texts(5));
      await engine.close();
    });

    test("nothing is acknowledged past the close, however the calls interleave", async () => {
      const { engine } = await open();
      const log = await openLog(engine);
      const acknowledged: number[] = [];
      const writer = async (id: number): Promise<void> => {
        for (;;) {
          const outcome = await put(engine, log, `writer ${id}`);
          if (outcome.kind !== "appended") return;
          acknowledged.push(outcome.index);
        }
      };
      const writers = Array.from({ length: 8 }, (_, id) => writer(id));
      for (let turn = 0; turn < 20; turn += 1) await put(engine, log, `pace ${turn}`);
      await engine.state.commit({ closes: [log] });
      const endIndex = engine.describe(log)?.endIndex;
      await Promise.all(writers);
      expect(engine.describe(log)?.endIndex).toBe(endIndex);
      expect(Math.max(...acknowledged)).toBeLessThan(endIndex!);
      expect(await readAll(engine, log)).toHaveLength(endIndex! - 1);
      await engine.close();
    });

    test("the end of a closed log is told to its reader", async () => {
      const { engine } = await open();
      const log = await openLog(engine);
      await put(engine, log, "one");
      await put(engine, log, "two");
      await engine.state.commit({ closes: [log] });
      expect(await engine.read(log, 1, { maxBytes: 1e9, maxRecords: 1 })).toMatchObject({
        nextIndex: 2,
        ended: false,
      });
      expect(await engine.read(log, 2, MANY)).toMatchObject({ nextIndex: 3, ended: true });
      expect(await engine.read(log, 3, MANY)).toEqual({
        kind: "entries",
        entries: [],
        nextIndex: 3,
        ended: true,
      });
      await engine.close();
    });

    test("a log that one commit opens and closes is closed and empty", async () => {
      const { engine } = await open();
      const log = engine.allocateLogId();
      await engine.state.commit({ opens: [log], closes: [log] });
      expect(engine.describe(log)).toMatchObject({ trimIndex: 1, nextIndex: 1, endIndex: 1 });
      expect(await put(engine, log, "late")).toEqual({ kind: "closed" });
      expect(await engine.read(log, 1, MANY)).toEqual({
        kind: "entries",
        entries: [],
        nextIndex: 1,
        ended: true,
      });
      await engine.close();
    });
  });
}

function trimsAndDrops(open: Open): void {
  describe("trims and drops", () => {
    test("a commit whose expectation does not hold opens, closes, trims and drops nothing", async () => {
      const { engine } = await open();
      const [log, unopened] = [await openLog(engine), engine.allocateLogId()];
      await put(engine, log, "one");
      await engine.state.commit({ puts: [["k", "1"]] });
      const change: StateChange = { expect: [["k", 0]], opens: [unopened], closes: [log], trims: [[log, 2]] };
      expect(await engine.state.commit(change)).toEqual({ kind: "conflict", key: "k" });
      expect(await engine.state.commit({ expect: [["k", 0]], drops: [log] })).toMatchObject({
        kind: "conflict",
      });
      expect(engine.describe(unopened)).toBeUndefined();
      expect(engine.describe(log)).toMatchObject({ trimIndex: 1, nextIndex: 2, endIndex: undefined });
      expect(await put(engine, log, "two")).toMatchObject({ kind: "appended", index: 2 });
      await engine.close();
    });

    test("trimmed entries are gone, and the trim point only moves forward", async () => {
      const { engine } = await open();
      const log = await openLog(engine);
      await Promise.all(texts(10).map((text) => put(engine, log, text)));
      await engine.state.commit({ trims: [[log, 5]] });
      expect(await engine.read(log, 1, MANY)).toEqual({ kind: "trimmed", trimIndex: 5 });
      expect(textsOf(await engine.read(log, 5, MANY))).toEqual(texts(10).slice(4));
      await engine.state.commit({ trims: [[log, 2]] });
      expect(engine.describe(log)).toMatchObject({ trimIndex: 5, nextIndex: 11 });
      expect(await engine.seek(log, 0)).toBe(5);
      await engine.close();
    });

    test("a log trimmed to its end goes on from there", async () => {
      const { engine } = await open();
      const log = await openLog(engine);
      await put(engine, log, "one");
      await engine.state.commit({ trims: [[log, 2]] });
      expect(engine.describe(log)).toMatchObject({ trimIndex: 2, nextIndex: 2 });
      expect(await put(engine, log, "two")).toMatchObject({ kind: "appended", index: 2 });
      await engine.close();
    });

    test("a trim beyond the end trims what is there", async () => {
      const { engine } = await open();
      const log = await openLog(engine);
      await put(engine, log, "one");
      await engine.state.commit({ trims: [[log, 100]] });
      expect(engine.describe(log)).toMatchObject({ trimIndex: 2, nextIndex: 2 });
      await engine.close();
    });

    test("a dropped log is gone, other logs are not, and dropping it again does no harm", async () => {
      const { engine } = await open();
      const [dropped, kept] = [await openLog(engine), await openLog(engine)];
      await put(engine, dropped, "gone");
      await put(engine, kept, "here");
      await engine.state.commit({ drops: [dropped] });
      expect((await engine.state.commit({ drops: [dropped], trims: [[dropped, 2]] })).kind).toBe("committed");
      expect(engine.describe(dropped)).toBeUndefined();
      expect(await engine.read(dropped, 1, MANY)).toEqual({ kind: "gone" });
      expect(await put(engine, dropped, "late")).toEqual({ kind: "closed" });
      expect(await readAll(engine, kept)).toEqual(["here"]);
      expect(engine.allocateLogId()).not.toBe(dropped);
      await engine.close();
    });
  });
}

function watching(open: Open): void {
  test("a log's watcher is called for new entries, the close and the drop, and not after it stopped", async () => {
    const { engine } = await open();
    const [log, other] = [await openLog(engine), await openLog(engine)];
    let calls = 0;
    const stop = engine.watch(log, () => (calls += 1));
    await put(engine, other, "elsewhere");
    expect(calls).toBe(0);
    await put(engine, log, "one");
    expect(calls).toBe(1);
    await engine.state.commit({ closes: [log] });
    expect(calls).toBe(2);
    await engine.state.commit({ drops: [log] });
    expect(calls).toBe(3);
    stop();
    await engine.close();
  });

  test("what a watcher reads when it is called is already durable", async () => {
    const { engine } = await open();
    const log = await openLog(engine);
    const seen: number[] = [];
    const stop = engine.watch(log, () => seen.push(engine.describe(log)!.nextIndex));
    await put(engine, log, "one");
    await put(engine, log, "two");
    expect(seen).toEqual([2, 3]);
    stop();
    await put(engine, log, "three");
    expect(seen).toHaveLength(2);
    await engine.close();
  });
}

function reopening(open: Open): void {
  test("everything is there after reopening, and nothing is numbered twice", async () => {
    const first = await open();
    if (first.reopen === undefined) {
      // Only the engine that forgets may have nothing to reopen.
      expect(first.engine.statistics().engine).toBe("memory");
      return;
    }
    const [log, closed, dropped] = [
      await openLog(first.engine),
      await openLog(first.engine),
      await openLog(first.engine),
    ];
    await Promise.all(texts(10).map((text) => put(first.engine, log, text)));
    await put(first.engine, closed, "last");
    await first.engine.state.commit({
      puts: [["k", "v"]],
      trims: [[log, 4]],
      closes: [closed],
      drops: [dropped],
    });
    const revision = first.engine.state.get("k")!.revision;
    const bounds = first.engine.describe(log);

    const { engine } = await first.reopen();
    expect(engine.state.get("k")).toEqual({ value: "v", revision });
    expect(engine.describe(log)).toEqual(bounds);
    expect(textsOf(await engine.read(log, 4, MANY))).toEqual(texts(10).slice(3));
    expect(engine.describe(closed)).toMatchObject({ endIndex: 2 });
    expect(await put(engine, closed, "late")).toEqual({ kind: "closed" });
    expect(engine.describe(dropped)).toBeUndefined();
    expect(await put(engine, log, "next")).toMatchObject({ kind: "appended", index: 11 });
    expect([log, closed, dropped]).not.toContain(engine.allocateLogId());
    const next = await engine.state.commit({ puts: [["k", "w"]] });
    expect(next.kind === "committed" && next.revision > revision).toBe(true);
    await engine.close();
  });
}
