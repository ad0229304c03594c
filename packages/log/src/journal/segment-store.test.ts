/** How the segment that comes next is filled beside commits. */
import { inMemoryFiles, type Files } from "@millrace/runtime";
import { beforeEach, expect, test } from "vitest";
import { RightOfWay } from "./right-of-way.ts";
import { SegmentStore } from "./segment-store.ts";
import { stillRuntime } from "./test-support.ts";

const MEBIBYTE = 1 << 20;

let written: number[];
let rightOfWay: RightOfWay;
let store: SegmentStore;

beforeEach(async () => {
  written = [];
  rightOfWay = new RightOfWay();
  const memory = inMemoryFiles();
  const files: Files = {
    ...memory,
    open: async (path, options) => {
      const file = await memory.open(path, options);
      const write = file.write.bind(file);
      file.write = (source, position) => {
        written.push(source.length);
        return write(source, position);
      };
      return file;
    },
  };
  await files.makeDirectory("/data/journal");
  const sizes = { initialSegmentBytes: 32 * MEBIBYTE, maxSegmentBytes: 32 * MEBIBYTE };
  store = new SegmentStore(
    "/data",
    stillRuntime(files, 1),
    { firstSegmentBytes: 32 * MEBIBYTE, ...sizes },
    rightOfWay,
  );
});

const writtenBytes = () => written.reduce((sum, bytes) => sum + bytes, 0);

async function settle(): Promise<void> {
  for (let turn = 0; turn < 200; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

test("beside commits a segment is filled as they go, and is ready before the one in use is full", async () => {
  rightOfWay.began();
  let isReady = false;
  const created = store.create("journal", 1).then(() => (isReady = true));
  await settle();
  expect(writtenBytes()).toBeLessThan(3 * MEBIBYTE);
  for (let committed = 0; committed < 10 * MEBIBYTE; committed += MEBIBYTE / 2) {
    rightOfWay.committed(MEBIBYTE / 2);
    await settle();
  }
  expect(writtenBytes()).toBeGreaterThan(10 * MEBIBYTE);
  expect(writtenBytes()).toBeLessThan(18 * MEBIBYTE);
  expect(isReady).toBe(false);
  rightOfWay.committed(14 * MEBIBYTE);
  await created;
  expect(writtenBytes()).toBeGreaterThan(31 * MEBIBYTE);
});

test("pieces are small while the filling keeps up, and larger when it lags", async () => {
  rightOfWay.began();
  const created = store.create("journal", 1);
  await settle();
  expect(Math.max(...written)).toBe(MEBIBYTE);
  rightOfWay.committed(12 * MEBIBYTE);
  await settle();
  expect(Math.max(...written)).toBeGreaterThan(2 * MEBIBYTE);
  rightOfWay.ended();
  await created;
});

test("a segment that commits wait for is filled without a break", async () => {
  rightOfWay.began();
  await rightOfWay.yield(store.create("journal", 1));
  expect(Math.max(...written)).toBe(8 * MEBIBYTE);
  expect(rightOfWay.committedBytes).toBe(0);
});
