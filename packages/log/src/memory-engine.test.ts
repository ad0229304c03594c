import { expect, test } from "vitest";
import { encodeBatch, memoryEngine } from "./index.ts";
import { logEngineContract } from "./log-engine.contract.ts";
import { stateStoreContract } from "./state-store.contract.ts";

logEngineContract("memory", () => {
  let nowMs = 1_795_184_401_000;
  return Promise.resolve({
    engine: memoryEngine({ clock: { nowMs: () => nowMs } }),
    advance: (durationMs: number) => {
      nowMs += durationMs;
    },
  });
});

stateStoreContract("memory", () => {
  const engine = memoryEngine({ clock: { nowMs: () => 1 } });
  return Promise.resolve({ store: engine.state, close: () => engine.close() });
});

test("puts are refused when the memory for records is full, and taken again after a trim", async () => {
  const engine = memoryEngine({ clock: { nowMs: () => 1 }, maxBytes: 10 });
  const log = engine.allocateLogId();
  await engine.state.commit({ opens: [log] });
  const batch = encodeBatch([{ key: undefined, data: Buffer.alloc(10) }]);
  expect((await engine.append(log, batch)).kind).toBe("appended");
  expect(engine.readOnlyReason()).toBe("the memory for records is full");
  expect((await engine.append(log, batch)).kind).toBe("read-only");
  expect(await engine.read(log, 1, { maxBytes: 100, maxRecords: 100 })).toMatchObject({ kind: "entries" });
  await engine.state.commit({ trims: [[log, 2]] });
  expect((await engine.append(log, batch)).kind).toBe("appended");
});

test("arrivals stay in order when the clock goes back", async () => {
  let nowMs = 1_000;
  const engine = memoryEngine({ clock: { nowMs: () => nowMs } });
  const log = engine.allocateLogId();
  await engine.state.commit({ opens: [log] });
  const batch = encodeBatch([{ key: undefined, data: Buffer.alloc(1) }]);
  await engine.append(log, batch);
  nowMs = 500;
  expect(await engine.append(log, batch)).toMatchObject({ arrivalMs: 1_000 });
});

test("what was called before the close of the engine is done, what comes later is refused", async () => {
  const engine = memoryEngine({ clock: { nowMs: () => 1 } });
  const log = engine.allocateLogId();
  await engine.state.commit({ opens: [log] });
  const batch = encodeBatch([{ key: undefined, data: Buffer.alloc(1) }]);
  const before = engine.append(log, batch);
  await engine.close();
  expect((await before).kind).toBe("appended");
  expect((await engine.append(log, batch)).kind).toBe("read-only");
  expect((await engine.state.commit({ puts: [["k", "v"]] })).kind).toBe("read-only");
});
