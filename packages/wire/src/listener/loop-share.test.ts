import { expect, test } from "vitest";
import { LoopShare } from "./loop-share.ts";

const MIB = 1024 * 1024;

/** A loop whose turns the test makes. */
function loop() {
  let callbacks: (() => void)[] = [];
  const state = { isPressed: false };
  const share = new LoopShare({ soon: (callback) => void callbacks.push(callback) }, () => state.isPressed);
  const done: string[] = [];
  return {
    share,
    state,
    done,
    /** A body that is worked on as soon as it may be. */
    body: (name: string, bytes: number) => {
      const turn = share.take(bytes);
      if (turn === undefined) done.push(name);
      else void turn.then(() => done.push(name));
    },
    /** The rest of this turn. Resolves to what was worked on in all. */
    turn: async () => {
      const due = callbacks;
      callbacks = [];
      for (const callback of due) callback();
      await Promise.resolve();
      return done.join(" ");
    },
    isIdle: () => callbacks.length === 0,
  };
}

test("bodies of a few megabytes are worked on at once, and the rest in the turns that follow, in order", async () => {
  const { body, turn, done, isIdle } = loop();
  body("a", 6 * MIB);
  body("b", 2 * MIB);
  body("c", 4 * MIB);
  body("d", 4 * MIB);
  body("e", 1);
  expect(done).toEqual(["a", "b"]);
  expect(await turn()).toBe("a b c d");
  expect(await turn()).toBe("a b c d e");
  expect(isIdle()).toBe(false);
  await turn();
  expect(isIdle()).toBe(true);
});

test("while bodies wait for memory, fewer of those that have it are worked on in a turn", async () => {
  const { state, body, turn, done } = loop();
  state.isPressed = true;
  body("a", MIB);
  body("b", MIB);
  body("c", MIB);
  expect(done).toEqual(["a"]);
  expect(await turn()).toBe("a b");
  state.isPressed = false;
  expect(await turn()).toBe("a b c");
});

test("a body that is larger than the share of a turn has one of its own", async () => {
  const { body, turn, done } = loop();
  body("a", 1);
  body("b", 16 * MIB);
  body("c", 1);
  expect(done).toEqual(["a"]);
  expect(await turn()).toBe("a b");
  expect(await turn()).toBe("a b c");
});

test("bodies let a few connections go first, which the loop accepts one a turn, and then get on all the same", async () => {
  const { share, body, turn } = loop();
  body("a", 8 * MIB);
  body("b", 8 * MIB);
  body("c", 8 * MIB);
  const turns: string[] = [];
  for (let count = 0; count < 10; count += 1) {
    share.accepted();
    turns.push(await turn());
  }
  expect(turns).toEqual([...Array<string>(4).fill("a"), ...Array<string>(5).fill("a b"), "a b c"]);
});

test("a connection does not hold up what nobody stands in front of", () => {
  const { share, body, done } = loop();
  share.accepted();
  body("a", 4 * MIB);
  expect(done).toEqual(["a"]);
});
