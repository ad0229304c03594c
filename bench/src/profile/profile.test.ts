import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { callTree, type CpuProfile, dearestFunctions } from "./cpu-profile.ts";
import { flameGraph } from "./flame-graph.ts";

const frame = (functionName: string, url = "", lineNumber = 0) => ({
  functionName,
  url,
  lineNumber,
  columnNumber: 0,
});

const WRITER = "file:///somewhere/packages/log/dist/journal/writer.js";

/** main calls write twice, from two nodes, and waits between. */
const PROFILE: CpuProfile = {
  nodes: [
    { id: 1, callFrame: frame("(root)"), children: [2, 5] },
    { id: 2, callFrame: frame("main", "file:///main.js"), children: [3, 4] },
    { id: 3, callFrame: frame("write", WRITER, 119) },
    { id: 4, callFrame: frame("write", WRITER, 119) },
    { id: 5, callFrame: frame("(idle)") },
  ],
  samples: [2, 3, 5, 4, 3],
  timeDeltas: [10, 20, 1_000, 30, 40],
};

test("calls of one function from one place are one frame, and waiting is left out", () => {
  const root = callTree(PROFILE);
  expect(root.totalUs).toBe(100);
  expect(root.children).toHaveLength(1);
  const [main] = root.children;
  expect(main).toMatchObject({ name: "main", selfUs: 10, totalUs: 100 });
  expect(main!.children).toMatchObject([
    { name: "write", place: "packages/log/dist/journal/writer.js:120", selfUs: 90, totalUs: 90 },
  ]);
});

test("a function stands where its source has it, when the built file has a map", () => {
  const directory = mkdtempSync(join(tmpdir(), "millrace-profile-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  // The first line of the built file is line 7 of its source.
  const map = { version: 3, sources: ["packages/log/src/writer.ts"], names: [], mappings: "AAMA" };
  writeFileSync(join(directory, "built.js.map"), JSON.stringify(map));
  const url = pathToFileURL(join(directory, "built.js")).href;
  const root = callTree({
    nodes: [{ id: 1, callFrame: frame("write", url) }],
    samples: [1],
    timeDeltas: [5],
  });
  expect(root.place).toBe("packages/log/src/writer.ts:7");
});

test("functions are listed by their own time, the dearest first", () => {
  const names = dearestFunctions(callTree(PROFILE)).map(({ name, selfUs }) => `${name} ${selfUs}`);
  expect(names.slice(0, 2)).toEqual(["write 90", "main 10"]);
});

test("a flame graph has a box for every frame, as wide as its share", () => {
  const svg = flameGraph(callTree(PROFILE), { title: "a < b", width: 1_020 });
  const widths = [...svg.matchAll(/<g><title>(\S+)[^]*?width="([\d.]+)"/g)].map(([, name, width]) => [
    name,
    Math.round(Number(width)),
  ]);
  expect(widths).toEqual([
    ["all", 1_000],
    ["main", 1_000],
    ["write", 900],
  ]);
  expect(svg).toContain("a &lt; b");
  expect(svg).toContain("90.0 % with what it calls");
});
