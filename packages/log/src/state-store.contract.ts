/**
 * What every store of keyed state must do, as tests: the state of an engine, whatever becomes of its shard logs. Each engine's own test
 * file calls {@link stateStoreContract}.
 */
import { describe, expect, test } from "vitest";
import type { StateChange, StateStore } from "./log-engine.ts";

/** A store to try. */
export interface StoreUnderTest {
  readonly store: StateStore;
  close(): Promise<void>;
  /** Closes the store and opens it again on the same medium; absent when there is no medium. */
  reopen?(): Promise<StoreUnderTest>;
  /** One more store on the same medium, as another process has it; absent when a medium belongs to one process. */
  another?(): Promise<StoreUnderTest>;
}

type Open = () => Promise<StoreUnderTest>;

export function stateStoreContract(name: string, open: Open): void {
  describe(`state store: ${name}`, () => {
    commits(open);
    expectations(open);
    watching(open);
    others(open);
  });
}

function commits(open: Open): void {
  test("a commit puts and deletes as one, and revisions go up", async () => {
    const { store, close } = await open();
    const first = await committed(store, {
      puts: [
        ["a", "1"],
        ["b", "2"],
      ],
    });
    const second = await committed(store, {
      puts: [
        ["b", "3"],
        ["c", "4"],
      ],
      deletes: ["a"],
    });
    expect(second).toBeGreaterThan(first);
    expect(store.get("a")).toBeUndefined();
    expect(store.get("b")).toEqual({ value: "3", revision: second });
    expect(store.get("c")).toEqual({ value: "4", revision: second });
    await close();
  });

  test("a key that was deleted and put again has a revision that it never had", async () => {
    const { store, close } = await open();
    const first = await committed(store, { puts: [["k", "1"]] });
    await committed(store, { deletes: ["k"] });
    const again = await committed(store, { expect: [["k", 0]], puts: [["k", "1"]] });
    expect(again).toBeGreaterThan(first);
    expect(await store.commit({ expect: [["k", first]], puts: [["k", "2"]] })).toEqual({
      kind: "conflict",
      key: "k",
    });
    await close();
  });

  test("values come back as they were, whatever is in them", async () => {
    const { store, close } = await open();
    const values = ["", '\u0000\n"\\', "ü 漢 😀", "x".repeat(1_500_000)];
    await committed(store, { puts: values.map((value, at) => [`key ${at} ü/😀`, value] as const) });
    for (const [at, value] of values.entries()) expect(store.get(`key ${at} ü/😀`)?.value).toBe(value);
    await close();
  });

  test("keys are listed by prefix in code unit order", async () => {
    const { store, close } = await open();
    await committed(store, {
      puts: [
        ["p/b", "2"],
        ["p/a", "1"],
        ["q/a", "4"],
        ["p/Z", "0"],
        ["p/é", "3"],
      ],
    });
    expect([...store.list("p/")].map(([key, { value }]) => [key, value])).toEqual([
      ["p/Z", "0"],
      ["p/a", "1"],
      ["p/b", "2"],
      ["p/é", "3"],
    ]);
    expect([...store.list("nothing")]).toEqual([]);
    expect([...store.list("")]).toHaveLength(5);
    await close();
  });

  test("everything is there after reopening, with its revision, and revisions go on", async () => {
    const first = await open();
    if (first.reopen === undefined) return first.close();
    const before = await committed(first.store, {
      puts: [
        ["k", "v"],
        ["gone", "x"],
      ],
    });
    const last = await committed(first.store, { deletes: ["gone"] });
    const { store, close } = await first.reopen();
    expect(store.get("k")).toEqual({ value: "v", revision: before });
    expect(store.get("gone")).toBeUndefined();
    expect(await committed(store, { expect: [["k", before]], puts: [["k", "w"]] })).toBeGreaterThan(last);
    await close();
  });

  test("what is asked of a store that is closed is refused", async () => {
    const { store, close } = await open();
    await committed(store, { puts: [["k", "v"]] });
    await close();
    expect(await store.commit({ puts: [["k", "w"]] })).toMatchObject({ kind: "read-only" });
  });
}

function expectations(open: Open): void {
  test("a commit whose expectation does not hold changes nothing", async () => {
    const { store, close } = await open();
    await committed(store, { expect: [["k", 0]], puts: [["k", "1"]] });
    const change: StateChange = {
      expect: [["k", 0]],
      puts: [
        ["k", "2"],
        ["other", "x"],
      ],
    };
    expect(await store.commit(change)).toEqual({ kind: "conflict", key: "k" });
    expect(store.get("k")?.value).toBe("1");
    expect(store.get("other")).toBeUndefined();
    const { revision } = store.get("k")!;
    await committed(store, { expect: [["k", revision]], deletes: ["k"] });
    await committed(store, { expect: [["k", 0]], puts: [["k", "3"]] });
    await close();
  });

  test("of several expectations all must hold, and the first that does not is named", async () => {
    const { store, close } = await open();
    const revision = await committed(store, {
      puts: [
        ["a", "1"],
        ["b", "1"],
      ],
    });
    const expect2 = (a: number, b: number): Promise<unknown> =>
      store.commit({
        expect: [
          ["a", a],
          ["b", b],
        ],
        puts: [["a", "2"]],
      });
    expect(await expect2(revision, 0)).toEqual({ kind: "conflict", key: "b" });
    expect(await expect2(0, 0)).toEqual({ kind: "conflict", key: "a" });
    expect(store.get("a")?.value).toBe("1");
    expect(await expect2(revision, revision)).toMatchObject({ kind: "committed" });
    await close();
  });

  test("of commits in flight that expect the same revision only the first wins", async () => {
    const { store, close } = await open();
    const outcomes = await Promise.all(
      texts(10).map((text) => store.commit({ expect: [["k", 0]], puts: [["k", text]] })),
    );
    expect(outcomes.map(({ kind }) => kind)).toEqual(["committed", ...Array(9).fill("conflict")]);
    expect(store.get("k")?.value).toBe("text 0");
    await close();
  });

  test("commits take effect in the order of the calls", async () => {
    const { store, close } = await open();
    const revisions = await Promise.all(texts(20).map((text) => committed(store, { puts: [["k", text]] })));
    expect(revisions).toEqual([...revisions].sort((one, other) => one - other));
    expect(new Set(revisions).size).toBe(20);
    expect(store.get("k")?.value).toBe("text 19");
    await close();
  });
}

function watching(open: Open): void {
  test("watchers see every commit in order, before its answer, and none that was refused", async () => {
    const { store, close } = await open();
    const seen: string[] = [];
    const stop = store.watch((change, revision) => {
      seen.push(`${change.puts?.[0]?.[1]}`);
      expect(store.get("k")!.revision).toBeGreaterThanOrEqual(revision);
    });
    await Promise.all(
      texts(10).map(async (text) => {
        await committed(store, { puts: [["k", text]] });
        expect(seen).toContain(text);
      }),
    );
    await store.commit({ expect: [["k", 0]], puts: [["k", "refused"]] });
    stop();
    await committed(store, { puts: [["k", "unseen"]] });
    expect(seen).toEqual(texts(10));
    await close();
  });
}

/** Where several processes have one store. */
function others(open: Open): void {
  test("what one store has committed another knows once it was refreshed, with its revision", async () => {
    const one = await open();
    if (one.another === undefined) return one.close();
    const other = await one.another();
    const revision = await committed(one.store, { puts: [["k", "v"]] });
    await other.store.refresh?.();
    expect(other.store.get("k")).toEqual({ value: "v", revision });
    await committed(other.store, { expect: [["k", revision]], deletes: ["k"] });
    await one.store.refresh?.();
    expect(one.store.get("k")).toBeUndefined();
    await other.close();
    await one.close();
  });

  test("rivals that count together lose nothing, and their watchers see one order", async () => {
    const one = await open();
    if (one.another === undefined) return one.close();
    const other = await one.another();
    const seen = [one, other].map(({ store }) => {
      const values: string[] = [];
      store.watch(({ puts }) => values.push(...(puts ?? []).map(([, value]) => value)));
      return values;
    });
    const count = async ({ store }: StoreUnderTest): Promise<void> => {
      for (let done = 0; done < 10;) {
        const known = store.get("count");
        const change: StateChange = {
          expect: [["count", known?.revision ?? 0]],
          puts: [["count", String(Number(known?.value ?? 0) + 1)]],
        };
        const outcome = await store.commit(change);
        if (outcome.kind === "committed") done += 1;
        else expect(outcome).toEqual({ kind: "conflict", key: "count" });
      }
    };
    await Promise.all([count(one), count(other)]);
    await Promise.all([one.store.refresh?.(), other.store.refresh?.()]);
    expect(other.store.get("count")).toEqual(one.store.get("count"));
    const all = Array.from({ length: 20 }, (_, at) => String(at + 1));
    expect(seen).toEqual([all, all]);
    await other.close();
    await one.close();
  });
}

async function committed(store: StateStore, change: StateChange): Promise<number> {
  const outcome = await store.commit(change);
  expect(outcome.kind).toBe("committed");
  return outcome.kind === "committed" ? outcome.revision : NaN;
}

function texts(count: number): string[] {
  return Array.from({ length: count }, (_, at) => `text ${at}`);
}
