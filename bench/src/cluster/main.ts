#!/usr/bin/env node
/** `npm run bench:cluster`: gateways on a cluster, beside a publisher that does nothing else, in one run. */
import { parseArgs } from "node:util";
import { natsServerProblem } from "@millrace/verification-cluster";
import { describeMachine, loadOfMachine, thisCommit, thisMachine } from "../harness/machine.ts";
import { recordResult } from "../harness/results.ts";
import { type Cell, type CellOptions, type CellOutcome, runCell } from "./cell.ts";
import { cellLine, formatCell, standingsOf, titleOf } from "./report.ts";

const HELP = `Measures the cluster engine and gateways over three NATS servers on this machine, which are started from the
configurations in deploy/nats, beside a raw JetStream publisher.

Usage: npm run bench:cluster [-- OPTIONS]

  --entries KIB,…    Sizes of entries in KiB (default: 16,64,256)
  --shards COUNT,…   Numbers of shards (default: 1,16,256,1000)
  --gateways N,…     Numbers of gateways (default: 1,3)
  --rounds COUNT     How often everybody has a turn; medians are printed (default: 3)
  --seconds COUNT    How long a turn is counted (default: 4)
  --warm-up COUNT    Seconds before that, of the same load: a young process runs code that is not compiled yet, and a gateway has
                     more of it than a publisher (default: as long as a turn)
  --node-flag=FLAG   For Node of all that write, such as --cpu-prof; may be repeated
  --smoke            One small cell and one short round: does everything still run? Nothing is recorded
  --help             This

Each pair of sizes is a cell with a cluster of its own. Everybody has a turn in each round, in the same order, with the
same entries, as many in flight, in as many groups:

  raw publisher   messages of that size to as many JetStream streams of three replicas, one append under way in each:
                  what waits meanwhile is the next one, as an atomic batch. No condition, no numbers, no checksum
  engine alone    the same through the log engine, in a process like the publisher's
  N gateways      millrace serve --engine jetstream, with PutRecord requests (CBOR) over as many connections

Who is connected to a server that leads its groups saves a hop. That is luck, so each turn connects anew: trust medians of several
rounds.

"own" is the publisher, or the gateways together; NATS the three servers together; load the clients of the gateways. From the same
CPU budget means: bytes for each second of processor time that own and NATS use. At least 80 % of the publisher's is wanted: pass
or miss; a miss fails nothing. "disk B/B" is what the three servers wrote for each acknowledged byte, "network B/B" what went over the
loopback, of everybody on this machine. An entry that is not stored fails the run.

Each cell appends a line to bench/results/YYYY-MM-DD.jsonl. Until a cell ends its servers keep three copies of everything that was
acknowledged: a minute of turns at 50 MB/s takes 9 GB of disk.

Environment:
  NATS_SERVER        The nats-server program, 2.15.1 or newer (default: the one on the path)
  BENCH_DIRECTORY    Where servers keep their data: on the disk that is to be measured (default: that of the
                     machine's temporary files)

Examples:
  npm run bench:cluster -- --entries 64 --shards 16 --rounds 5
  npm run bench:cluster -- --entries 16 --shards 256 --gateways 1 --node-flag=--cpu-prof --node-flag=--cpu-prof-dir=/var/tmp/profiles`;

const { values } = parseArgs({
  options: {
    entries: { type: "string", default: "16,64,256" },
    shards: { type: "string", default: "1,16,256,1000" },
    gateways: { type: "string", default: "1,3" },
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "4" },
    "warm-up": { type: "string" },
    "node-flag": { type: "string", multiple: true, default: [] },
    smoke: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

if (values.help) console.log(HELP);
else await runAll();

async function runAll(): Promise<void> {
  const problem = natsServerProblem();
  if (problem !== undefined) refuse(problem);
  const turnMs = countOf("seconds", values.seconds) * 1_000;
  const warmUpMs = countOf("warm-up", values["warm-up"] ?? values.seconds) * 1_000;
  const options: CellOptions = {
    rounds: values.smoke ? 1 : countOf("rounds", values.rounds),
    gatewayCounts: countsOf("gateways", values.gateways),
    nodeFlags: values["node-flag"],
    warmUpMs: values.smoke ? 0 : warmUpMs,
    ends: values.smoke ? { entries: 200 } : { durationMs: turnMs },
    progress: () => undefined,
  };
  const cells: readonly Cell[] = values.smoke
    ? [{ entryBytes: 16 << 10, shards: 17 }]
    : countsOf("entries", values.entries).flatMap((kibibytes) =>
        countsOf("shards", values.shards).map((shards) => ({ entryBytes: kibibytes << 10, shards })),
      );
  const loadAverage = loadOfMachine();
  console.log(
    `${describeMachine(thisMachine())}; commit ${thisCommit()}; medians of ${options.rounds}; load average ${loadAverage}`,
  );
  if (loadAverage > thisMachine().cores / 2)
    console.log("The machine is busy with something else: figures are not to be trusted.");
  console.log();

  const outcomes: CellOutcome[] = [];
  for (const cell of cells) {
    const name = `${cell.entryBytes >> 10} KiB, ${cell.shards}`;
    try {
      const progress = (text: string) => console.error(`${name}: ${text}`);
      const outcome = await runCell(cell, { ...options, progress });
      console.log(formatCell(outcome));
      outcomes.push(outcome);
      if (!values.smoke) recordResult(cellLine(outcome, { ...options, loadAverage }));
    } catch (error) {
      process.exitCode = 1;
      console.error(`${name} FAILED: ${error instanceof Error ? error.message : String(error)}\n`);
    }
  }
  const standings = outcomes.flatMap((outcome) =>
    standingsOf(outcome).map((one) => `  ${one.verdict}  ${one.name}: ${titleOf(outcome)}`),
  );
  console.log(`At least 80 % of the publisher from the same processor time:\n${standings.join("\n")}`);
}

function countsOf(name: string, text: string): number[] {
  return text.split(",").map((one) => countOf(name, one));
}

function countOf(name: string, text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1) refuse(`--${name}: ${text} is no count`);
  return count;
}

function refuse(reason: string): never {
  console.error(reason);
  process.exit(2);
}
