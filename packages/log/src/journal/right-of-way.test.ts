import { beforeEach, describe, expect, test } from "vitest";
import { RightOfWay } from "./right-of-way.ts";

let rightOfWay: RightOfWay;
beforeEach(() => {
  rightOfWay = new RightOfWay();
});

/** Whether background work may go on, asked now and looked up later. */
function asking(untilBytes: number): { readonly isFree: () => Promise<boolean> } {
  let isFree = false;
  void rightOfWay.give(untilBytes).then(() => (isFree = true));
  return {
    isFree: async () => {
      for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
      return isFree;
    },
  };
}

describe("background work", () => {
  test("goes on while nothing is committed", async () => {
    expect(await asking(1_000).isFree()).toBe(true);
  });

  test("waits, while there are commits, until so much is committed", async () => {
    rightOfWay.began();
    const [early, late] = [asking(1_000), asking(2_000)];
    rightOfWay.committed(999);
    expect(await early.isFree()).toBe(false);
    rightOfWay.committed(1);
    expect(await early.isFree()).toBe(true);
    expect(await late.isFree()).toBe(false);
    expect(await asking(rightOfWay.committedBytes).isFree()).toBe(true);
  });

  test("goes on when nothing is left to commit", async () => {
    rightOfWay.began();
    const waiting = asking(1_000);
    expect(await waiting.isFree()).toBe(false);
    rightOfWay.ended();
    expect(await waiting.isFree()).toBe(true);
  });

  test("goes on when commits wait for it, and gives way again afterwards", async () => {
    rightOfWay.began();
    const waiting = asking(1_000);
    let finish = (): void => undefined;
    const work = rightOfWay.yield(new Promise<string>((resolve) => (finish = () => resolve("done"))));
    expect(rightOfWay.isAwaited).toBe(true);
    expect(await waiting.isFree()).toBe(true);
    expect(await asking(1_000).isFree()).toBe(true);
    finish();
    expect(await work).toBe("done");
    expect(rightOfWay.isAwaited).toBe(false);
    expect(await asking(1_000).isFree()).toBe(false);
  });

  test("gives way again when what commits waited for has failed", async () => {
    rightOfWay.began();
    await expect(rightOfWay.yield(Promise.reject(new Error("no room")))).rejects.toThrow("no room");
    expect(rightOfWay.isAwaited).toBe(false);
  });
});
