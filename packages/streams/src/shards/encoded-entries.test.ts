import { MemoryBudget } from "@millrace/runtime";
import { describe, expect, test } from "vitest";
import { EncodedEntries } from "./encoded-entries.ts";
import type { EncodedEntry } from "./encoded-entries.ts";

const MIB = 1 << 20;

function entryOf(bytes: number, fill = 1) {
  return { json: Buffer.alloc(bytes, fill), encrypted: false };
}

/** Offered by the first reader, and by the second. */
function offerTwice(entries: EncodedEntries, logId: number, index: number, entry: EncodedEntry): void {
  entries.offer(logId, index, entry);
  entries.offer(logId, index, entry);
}

describe("entries kept encoded", () => {
  test("are found again by log and index, and the newest of one place counts", () => {
    const memory = new MemoryBudget(64 * MIB);
    const entries = new EncodedEntries(memory);
    const first = entryOf(10);
    const second = entryOf(20);
    offerTwice(entries, 1, 5, first);
    offerTwice(entries, 1, 5, second);
    expect(entries.get(1, 5)).toEqual(second);
    expect([entries.get(1, 6), entries.get(2, 5)]).toEqual([undefined, undefined]);
    expect(memory.usedBytes).toBe(20);
  });

  test("what is used stays, what is not goes, and no more than an eighth of the budget is held", () => {
    const memory = new MemoryBudget(64 * MIB);
    const entries = new EncodedEntries(memory);
    const used = entryOf(1_000);
    offerTwice(entries, 1, 0, used);
    offerTwice(entries, 1, 1, entryOf(1_000));
    for (let index = 2; index < 500; index += 1) {
      offerTwice(entries, 2, index, entryOf(100_000));
      expect(entries.get(1, 0)).toEqual(used);
      expect(memory.usedBytes).toBeLessThanOrEqual(8 * MIB);
    }
    expect(entries.get(1, 1)).toBeUndefined();
    expect(entries.get(2, 499)).toBeDefined();
  });

  test("memory goes back to whoever needs it, and all of it at the end", () => {
    const memory = new MemoryBudget(64 * MIB);
    const entries = new EncodedEntries(memory);
    for (let index = 0; index < 60; index += 1) offerTwice(entries, 1, index, entryOf(100_000));
    expect(memory.tryReserve(64 * MIB)).toBe(true);
    expect(memory.usedBytes).toBe(64 * MIB);
    offerTwice(entries, 1, 100, entryOf(1_000));
    expect(entries.get(1, 100)).toBeUndefined();
    memory.release(64 * MIB);
    offerTwice(entries, 1, 100, entryOf(1_000));
    entries.close();
    expect(memory.usedBytes).toBe(0);
  });

  test("an entry that would fill the cache alone is not kept", () => {
    const memory = new MemoryBudget(64 * MIB);
    const entries = new EncodedEntries(memory);
    offerTwice(entries, 1, 1, entryOf(2 * MIB));
    expect(memory.usedBytes).toBe(0);
  });

  test("one reader alone has nothing kept, nor has one that reads again what is more than could be kept", () => {
    const memory = new MemoryBudget(64 * MIB);
    const entries = new EncodedEntries(memory);
    for (let round = 0; round < 3; round += 1) {
      for (let index = 0; index < 100; index += 1) entries.offer(1, index, entryOf(100_000));
      expect(memory.usedBytes).toBe(0);
    }
  });

  test("what is kept is a copy", () => {
    const entries = new EncodedEntries(new MemoryBudget(64 * MIB));
    const entry = entryOf(10);
    offerTwice(entries, 1, 1, entry);
    entry.json.fill(2);
    expect(entries.get(1, 1)).toEqual(entryOf(10));
  });
});
