#!/usr/bin/env node
/** `npm run bench:soak`: a steady load for a long while, with a log, a picture and a verdict. */
import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { describeMachine, loadOfMachine, thisCommit, thisMachine } from "../harness/machine.ts";
import { resultsDirectory } from "../harness/results.ts";
import { formatNumber } from "../harness/table.ts";
import { drawSoak } from "./picture.ts";
import { type Sample, SOAK, type SoakPlan } from "./plan.ts";
import { runSoak } from "./run-soak.ts";
import { findingsOf, formatFindings } from "./verdict.ts";

const HELP = `Shows whether memory and latency of a server stay what they are under a steady load.

Usage: npm run bench:soak [-- OPTIONS]

  --minutes COUNT    How long, from half a minute on (default: 15)
  --load SHARE       Of the rate that is measured first (default: 0.8)
  --memory MIB       --memory of the server, in MiB (default: ${SOAK.memoryBytes / 1_048_576})
  --threads COUNT    --threads of the server (default: 1)
  --kept GB          What is on disk before service time is moved and retention makes room (default: ${SOAK.keptBytes / 1e9})
  --out DIRECTORY    Where log and picture go (default: bench/results/soak)
  --help             This

PutRecords of ${SOAK.recordsPerRequest} × ${SOAK.recordBytes} bytes over ${SOAK.shards} shards fall due at a steady pace, whatever the answers do, and latency counts from when
each was due. Every shard is read to its tip ${1_000 / SOAK.pollMs} times a second, and one subscription follows the first. Each ${SOAK.sampleMs / 1_000} s
are a sample: a line of soak.jsonl, and a point of soak.svg. Records are kept for 24 hours of service time, which is moved
by 12.5 hours whenever half of --kept was written: the disk needs about as much again for what is just being given back.

Flat is what differs by no more than a tenth between the medians of the second and of the last third. A miss fails
nothing. What fails is an error that the server answered, and a record that was acknowledged and not read, or twice.

Environment:
  BENCH_DIRECTORY    Where the server keeps its data: on the disk that is to be measured (default: that of the
                     machine's temporary files)`;

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "15" },
    load: { type: "string", default: "0.8" },
    memory: { type: "string", default: String(SOAK.memoryBytes / 1_048_576) },
    threads: { type: "string", default: String(SOAK.threads) },
    kept: { type: "string", default: String(SOAK.keptBytes / 1e9) },
    out: { type: "string", default: join(resultsDirectory, "soak") },
    help: { type: "boolean", default: false },
  },
});

if (values.help) console.log(HELP);
else await soak();

async function soak(): Promise<void> {
  const minutes = numberOf("--minutes", values.minutes, 0.5, Infinity);
  const plan: SoakPlan = {
    ...SOAK,
    durationMs: minutes * 60_000,
    load: numberOf("--load", values.load, 0.01, 1),
    memoryBytes: numberOf("--memory", values.memory, 16, Infinity) * 1_048_576,
    threads: numberOf("--threads", values.threads, 1, Infinity),
    keptBytes: numberOf("--kept", values.kept, 0.1, Infinity) * 1e9,
  };
  const machine = describeMachine(thisMachine());
  const commit = thisCommit();
  const date = new Date().toISOString();
  mkdirSync(values.out, { recursive: true });
  const logPath = join(values.out, "soak.jsonl");
  const picturePath = join(values.out, "soak.svg");
  const log = (line: object) => appendFileSync(logPath, `${JSON.stringify(line)}\n`);
  const command = ["npm run bench:soak", ...withDashes(process.argv.slice(2))].join(" ");
  writeFileSync(logPath, "");
  log({ date, commit, command, machine: thisMachine(), loadAverage: loadOfMachine(), plan });
  console.log(`${machine}; commit ${commit}`);

  const run = await runSoak(plan, {
    progress: (text) => console.log(text),
    measured(recordsPerSecondMax, requestsPerSecond) {
      log({
        recordsPerSecondMax: Math.round(recordsPerSecondMax),
        requestsPerSecond: rounded(requestsPerSecond),
      });
      console.log(
        `it can do ${formatNumber(recordsPerSecondMax)} records/s; ${plan.load} of that for ${minutes} min`,
      );
    },
    sample(sample) {
      log(Object.fromEntries(Object.entries(sample).map(([name, value]) => [name, rounded(value)])));
      console.log(describeSample(sample));
    },
  });

  const findings = findingsOf(run.samples);
  const { acknowledgedRecords, eventRecords, refusedRequests } = run;
  log({ acknowledgedRecords, eventRecords, refusedRequests, findings });
  writeFileSync(
    picturePath,
    drawSoak(run.samples, {
      machine,
      commit,
      date: date.slice(0, 10),
      load: `PutRecords at ${formatNumber(run.requestsPerSecond * plan.recordsPerRequest)} records/s, ${Math.round(plan.load * 100)} % of what it can do, with readers and a subscription; --memory ${plan.memoryBytes / 1_048_576}MiB`,
    }),
  );
  console.log(
    [
      "",
      `${formatNumber(acknowledgedRecords)} records were acknowledged, and each was read once; ${formatNumber(eventRecords)} came as events; ${refusedRequests} requests were refused`,
      "from the second third to the last:",
      formatFindings(findings),
      `written: ${logPath}`,
      `drawn: ${picturePath}`,
    ].join("\n"),
  );
}

function describeSample(sample: Sample): string {
  const { atMs, recordsPerSecond, p50Ms, p99Ms, rssBytes, eventLoopLagMs, diskBytes, unreadRecords } = sample;
  return [
    `${(atMs / 1_000).toFixed(0).padStart(5)} s`,
    `${formatNumber(recordsPerSecond)} records/s`,
    `p50 ${formatNumber(p50Ms)} ms`,
    `p99 ${formatNumber(p99Ms)} ms`,
    `resident ${formatNumber(rssBytes / 1e6)} MB`,
    `lag ${formatNumber(eventLoopLagMs)} ms`,
    `disk ${formatNumber(diskBytes / 1e9)} GB`,
    `unread ${formatNumber(unreadRecords)}`,
  ].join("  ");
}

function rounded(value: number): number {
  return Number(value.toPrecision(6));
}

function withDashes(options: readonly string[]): string[] {
  return options.length === 0 ? [] : ["--", ...options];
}

function numberOf(option: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (text.trim() !== "" && value >= least && value <= most) return value;
  const range = most === Infinity ? `of at least ${least}` : `from ${least} to ${most}`;
  console.error(`${option} takes a number ${range}, not ${text}`);
  process.exit(2);
}
