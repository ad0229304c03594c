import { natsServerProblem } from "@millrace/verification-cluster";
import { describe, expect, test } from "vitest";
import { runCell } from "./cell.ts";
import type { CellOutcome } from "./cell.ts";
import { inFlightOf } from "./contestants.ts";
import type { Turn } from "./contestants.ts";
import { formatCell, standingsOf } from "./report.ts";
import { RawGroup } from "./raw-group.ts";

describe("a raw publisher", () => {
  /** A group whose appends end when they are told to. */
  function group() {
    const appends: { readonly subjects: readonly string[]; readonly end: (error?: Error) => void }[] = [];
    const raw = new RawGroup(
      (entries) =>
        new Promise((resolve, reject) => {
          const end = (error?: Error) => (error === undefined ? resolve() : reject(error));
          appends.push({ subjects: entries.map(({ subject }) => subject), end });
        }),
    );
    const append = (subject: string, bytes = 1) => raw.append({ subject, payload: Buffer.alloc(bytes) });
    return { appends, append };
  }
  const turn = () => new Promise((resolve) => setImmediate(resolve));

  test("has one append under way, and what comes meanwhile is the next one", async () => {
    const { appends, append } = group();
    const first = [append("a"), append("b")];
    await turn();
    const next = [append("c"), append("d"), append("e")];
    await turn();
    expect(appends.map(({ subjects }) => subjects)).toEqual([["a", "b"]]);
    appends[0]!.end();
    await Promise.all(first);
    await turn();
    expect(appends[1]!.subjects).toEqual(["c", "d", "e"]);
    appends[1]!.end();
    await Promise.all(next);
  });

  test("puts at most a mebibyte into an append, and a larger entry alone", async () => {
    const { appends, append } = group();
    const all = [append("a", 3 << 20), append("b", 600_000), append("c", 400_000), append("d", 100_000)];
    for (let at = 0; at < 3; at += 1) {
      await turn();
      appends[at]!.end();
    }
    await Promise.all(all);
    expect(appends.map(({ subjects }) => subjects)).toEqual([["a"], ["b", "c"], ["d"]]);
  });

  test("tells whoever waits for an append that it was refused, and goes on", async () => {
    const { appends, append } = group();
    const refused = append("a");
    await turn();
    appends[0]!.end(new Error("no space"));
    await expect(refused).rejects.toThrow("no space");
    const after = append("b");
    await turn();
    appends[1]!.end();
    await after;
  });
});

test("as many entries wait as two appends of each group hold, within bounds", () => {
  const cell = (kibibytes: number) => ({ entryBytes: kibibytes << 10, shards: 1 });
  expect(inFlightOf(cell(16), 1)).toBe(128);
  expect(inFlightOf(cell(256), 1)).toBe(16);
  expect(inFlightOf(cell(16), 63)).toBe(1_024);
  expect(inFlightOf(cell(256), 63)).toBe(128);
});

describe("a report", () => {
  const turn = (megabytesPerSecond: number, writerCores: number, natsCores: number): Turn => ({
    ...{ megabytesPerSecond, writerCores, natsCores, p50Ms: 1, p99Ms: 2, entriesEver: 1, loadCores: 0 },
    ...{ diskFactor: 6, networkFactor: 4 },
  });
  const contestant = (name: string, against: string | undefined, medians: Turn) => ({
    ...{ name, against, turns: [medians], medians },
  });
  const outcome: CellOutcome = {
    cell: { entryBytes: 16 << 10, shards: 17 },
    groups: 2,
    idle: { streams: 4, natsCores: 0.01, natsBytes: 50e6 },
    contestants: [
      contestant("raw publisher", undefined, turn(100, 0.5, 1.5)),
      contestant("engine alone", "raw publisher", turn(90, 0.5, 1.75)),
      contestant("1 gateway", "raw publisher", turn(90, 0.5, 1.5)),
    ],
  };

  test("compares bytes for a second of processor time, the writer's and the servers'", () => {
    expect(standingsOf(outcome)).toEqual([
      { name: "engine alone", share: 0.9, shareOfCpu: 0.8, verdict: "pass" },
      { name: "1 gateway", share: 0.9, shareOfCpu: 0.9, verdict: "pass" },
    ]);
    const [raw, , slow] = outcome.contestants;
    const missed = { ...outcome, contestants: [raw!, { ...slow!, medians: turn(79, 0.5, 1.5) }] };
    expect(standingsOf(missed)[0]).toMatchObject({ shareOfCpu: 0.79, verdict: "miss" });
  });

  test("says what it costs to write a gigabyte", () => {
    expect(formatCell(outcome)).toContain("entries of 16 KiB, 17 shards in 2 groups");
    const cells = formatCell(outcome)
      .split("\n")[2]!
      .trim()
      .split(/\s{2,}/);
    expect(cells).toEqual([
      "raw publisher",
      "100",
      "100 – 100",
      "1",
      "2",
      "5",
      "15",
      "50",
      "0.5",
      "1.5",
      "6",
      "4",
    ]);
  });
});

const problem = natsServerProblem();
// Most machines that run the fast tests have no such server; `npm run test:cluster` brings it, and runs the smoke size, too.
if (problem !== undefined) console.log(`bench:cluster is not run at smoke size: ${problem}`);
else {
  test("everybody has turns, and what was acknowledged is stored", async () => {
    const { contestants, groups } = await runCell(
      { entryBytes: 16 << 10, shards: 17 },
      {
        ...{ rounds: 1, gatewayCounts: [1], nodeFlags: [], warmUpMs: 0, ends: { entries: 200 } },
        progress: () => undefined,
      },
    );
    expect(groups).toBeGreaterThan(0);
    expect(contestants.map(({ name }) => name)).toEqual(["raw publisher", "engine alone", "1 gateway"]);
    for (const { turns } of contestants) expect(turns[0]!.entriesEver).toBeGreaterThan(0);
  }, 180_000);
}
