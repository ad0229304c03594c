#!/usr/bin/env node
/** `npm run bench:profile NAME`: where the time of a bench goes. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { Session } from "node:inspector/promises";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { benches } from "../benches.ts";
import type { Bench } from "../harness/bench.ts";
import { thisCommit } from "../harness/machine.ts";
import { resultsDirectory } from "../harness/results.ts";
import { runBench } from "../harness/run-bench.ts";
import { formatNumber, formatRun } from "../harness/table.ts";
import { callTree, type CpuProfile, dearestFunctions } from "./cpu-profile.ts";
import { flameGraph } from "./flame-graph.ts";

const HELP = `Shows where the time of a bench goes.

Usage: npm run bench:profile -- NAME [OPTIONS]

  NAME              A bench; npm run bench -- --list shows them
  --smoke           At smoke size
  --rounds COUNT    Default: 1
  --help            This

For a bench of a server, each server that it starts is profiled, from its start to its end; for a bench of a function,
this process. Writes NAME….cpuprofile (for a browser's developer tools) and NAME….svg, a flame graph, to
bench/results/profiles/, and prints the dearest functions. Figures of a profiled run are lower than without.`;

const SHOWN_COUNT = 25;
const directory = join(resultsDirectory, "profiles");

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    smoke: { type: "boolean", default: false },
    rounds: { type: "string", default: "1" },
    help: { type: "boolean", default: false },
  },
});

const bench = benches.find(({ name }) => name === positionals[0]);
if (values.help || bench === undefined) {
  console.log(HELP);
  process.exitCode = values.help ? 0 : 2;
} else await profile(bench);

async function profile(one: Bench): Promise<void> {
  mkdirSync(directory, { recursive: true });
  const before = new Set(readdirSync(directory));
  const session = one.kind === "micro" ? await startProfiler() : undefined;
  const size = values.smoke ? one.sizes.smoke : one.sizes.full;
  const { rows } = await runBench(one, {
    size,
    rounds: Math.max(1, Number(values.rounds)),
    progress: (text) => console.error(`${one.name}: ${text}`),
    server: { nodeFlags: ["--cpu-prof", `--cpu-prof-dir=${directory}`] },
  });
  const profiles = session === undefined ? takeNewProfiles(before) : [await stopProfiler(session)];
  console.log(formatRun(one, size, rows));
  if (profiles.length === 0) throw new Error(`${one.name} left no profile`);
  for (const [index, found] of profiles.entries()) {
    report(found, `${one.name}${profiles.length === 1 ? "" : `-${index + 1}`}`);
  }
}

/** Reads what servers have written since, and removes it: it is written again under the name of the bench. */
function takeNewProfiles(before: ReadonlySet<string>): CpuProfile[] {
  const names = readdirSync(directory).filter((name) => name.endsWith(".cpuprofile") && !before.has(name));
  return names.sort().map((name) => {
    const path = join(directory, name);
    const taken = JSON.parse(readFileSync(path, "utf8")) as CpuProfile;
    rmSync(path);
    return taken;
  });
}

function report(found: CpuProfile, name: string): void {
  const root = callTree(found);
  const base = join(directory, name);
  const title = `${name}: ${formatNumber(root.totalUs / 1e6)} s at work, commit ${thisCommit()}, Node ${process.version}`;
  writeFileSync(`${base}.cpuprofile`, JSON.stringify(found));
  writeFileSync(`${base}.svg`, flameGraph(root, { title }));
  console.log(title);
  for (const { name: functionName, place, selfUs } of dearestFunctions(root).slice(0, SHOWN_COUNT)) {
    const share = `${((selfUs / root.totalUs) * 100).toFixed(1)} %`;
    console.log(`  ${share.padStart(7)}  ${functionName}  ${place}`);
  }
  console.log(`  ${relative(process.cwd(), `${base}.svg`)}\n`);
}

async function startProfiler(): Promise<Session> {
  const session = new Session();
  session.connect();
  await session.post("Profiler.enable");
  await session.post("Profiler.start");
  return session;
}

async function stopProfiler(session: Session): Promise<CpuProfile> {
  const { profile: taken } = await session.post("Profiler.stop");
  session.disconnect();
  return { ...taken, samples: taken.samples ?? [], timeDeltas: taken.timeDeltas ?? [] };
}
