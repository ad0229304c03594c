/** What {@link LogEngine.appendAt} must do: entries that come from another log keep their place and their arrival. */
import { describe, expect, test } from "vitest";
import { type Open, openLog, put, putAt, readAll, texts } from "./engine-under-test.contract.ts";

export function placedAppends(open: Open): void {
  describe("appends at a place", () => {
    test("an entry keeps the arrival that it had elsewhere, and what is put afterwards arrives now", async () => {
      const { engine, advance } = await open();
      const log = await openLog(engine);
      await advance(100_000);
      const first = await put(engine, await openLog(engine), "now");
      const nowMs = first.kind === "appended" ? first.arrivalMs : 0;
      expect(await putAt(engine, log, "one", { index: 1, arrivalMs: nowMs - 90_000 })).toEqual({
        kind: "appended",
        index: 1,
        arrivalMs: nowMs - 90_000,
      });
      await putAt(engine, log, "two", { index: 2, arrivalMs: nowMs - 80_000 });
      const third = await put(engine, log, "three");
      expect(third).toMatchObject({ kind: "appended", index: 3 });
      expect(third.kind === "appended" && third.arrivalMs).toBeGreaterThanOrEqual(nowMs);
      expect(await engine.seek(log, nowMs - 85_000)).toBe(2);
      expect(await engine.seek(log, nowMs - 80_000 + 1)).toBe(3);
      expect(await readAll(engine, log)).toEqual(["one", "two", "three"]);
      await engine.close();
    });

    test("an arrival before the log's last one becomes that one", async () => {
      const { engine, advance } = await open();
      const log = await openLog(engine);
      await advance(100_000);
      await putAt(engine, log, "one", { index: 1, arrivalMs: 50_000 });
      expect(await putAt(engine, log, "two", { index: 2, arrivalMs: 40_000 })).toEqual({
        kind: "appended",
        index: 2,
        arrivalMs: 50_000,
      });
      await engine.close();
    });

    test("an entry that would get another index is not stored", async () => {
      const { engine } = await open();
      const log = await openLog(engine);
      await putAt(engine, log, "one", { index: 1, arrivalMs: 1_000 });
      for (const index of [1, 3]) {
        expect(await putAt(engine, log, "again", { index, arrivalMs: 1_000 })).toEqual({
          kind: "misplaced",
          nextIndex: 2,
        });
      }
      expect(await readAll(engine, log)).toEqual(["one"]);
      await engine.close();
    });

    test("of two who copy the same at once, each entry is stored once", async () => {
      const { engine } = await open();
      const log = await openLog(engine);
      const copies = [1, 2].map(() =>
        Promise.all(
          texts(10).map((text, at) => putAt(engine, log, text, { index: at + 1, arrivalMs: 1_000 + at })),
        ),
      );
      const outcomes = (await Promise.all(copies)).flat();
      expect(outcomes.filter(({ kind }) => kind === "appended")).toHaveLength(10);
      expect(outcomes.filter(({ kind }) => kind === "misplaced")).toHaveLength(10);
      expect(await readAll(engine, log)).toEqual(texts(10));
      await engine.close();
    });

    test("of a run of entries none is stored behind one that was not", async () => {
      const { engine } = await open();
      const log = await openLog(engine);
      const other = putAt(engine, log, "other", { index: 1, arrivalMs: 1_000 });
      const run = { isBroken: false };
      const outcomes = await Promise.all(
        texts(4).map((text, at) => putAt(engine, log, text, { index: at + 1, arrivalMs: 1_000, run })),
      );
      expect((await other).kind).toBe("appended");
      expect(outcomes).toEqual(outcomes.map(() => ({ kind: "misplaced", nextIndex: 2 })));
      const next = { isBroken: false };
      const behind = texts(3).map((text, at) =>
        putAt(engine, log, text, { index: at + 2, arrivalMs: 1_000, run: next }),
      );
      expect((await Promise.all(behind)).map(({ kind }) => kind)).toEqual(texts(3).map(() => "appended"));
      expect(await readAll(engine, log)).toEqual(["other", ...texts(3)]);
      await engine.close();
    });

    test("a closed log takes nothing at any place", async () => {
      const { engine } = await open();
      const log = await openLog(engine);
      await engine.state.commit({ closes: [log] });
      expect(await putAt(engine, log, "late", { index: 1, arrivalMs: 1_000 })).toEqual({ kind: "closed" });
      await engine.close();
    });

    test("places and arrivals are there after reopening", async () => {
      const first = await open();
      if (first.reopen === undefined) {
        // Only the engine that forgets may have nothing to reopen.
        expect(first.engine.statistics().engine).toBe("memory");
        return;
      }
      const log = await openLog(first.engine);
      await putAt(first.engine, log, "one", { index: 1, arrivalMs: 1_000 });
      await putAt(first.engine, log, "two", { index: 2, arrivalMs: 2_000 });
      const { engine } = await first.reopen();
      expect(engine.describe(log)).toMatchObject({ nextIndex: 3, lastArrivalMs: 2_000 });
      expect(await putAt(engine, log, "two", { index: 2, arrivalMs: 2_000 })).toMatchObject({
        kind: "misplaced",
      });
      expect(await putAt(engine, log, "three", { index: 3, arrivalMs: 3_000 })).toEqual({
        kind: "appended",
        index: 3,
        arrivalMs: 3_000,
      });
      await engine.close();
    });
  });
}
