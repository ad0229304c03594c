#!/usr/bin/env node
/** `npm run bench`: runs benches, prints what they found, and appends it to the results. */
import { parseArgs } from "node:util";
import { benches } from "./benches.ts";
import type { Bench, Sizes } from "./harness/bench.ts";
import { describeMachine, loadOfMachine, thisCommit, thisMachine } from "./harness/machine.ts";
import { recordResult, resultLine } from "./harness/results.ts";
import { runBench } from "./harness/run-bench.ts";
import { formatRun, formatSize } from "./harness/table.ts";

const HELP = `Measures Millrace on this machine.

Usage: npm run bench [-- OPTIONS]

  --only NAME       Only this bench; may be repeated, or name several with commas
  --list            What there is, and what each asks
  --smoke           Tiny sizes and one round, each digest checked: does everything still run? Nothing is recorded
  --rounds COUNT    How often each figure is measured; the median is printed (default: 5)
  --size NAME=VALUE Another size for this run, such as storedMegabytes=1000; may be repeated. --list shows them
  --threads COUNT   For every server: millrace serve --threads COUNT
  --help            This

What is compared runs in turns (A, B, A, B, …), because figures from different moments do not compare. Servers and
load generators are processes of their own. An error from a server fails the bench. Figures with a budget are marked
pass or miss; a miss fails nothing. Each bench appends a line to bench/results/YYYY-MM-DD.jsonl.

Environment:
  BENCH_DIRECTORY   Where servers keep their data: on the disk that is to be measured (default: that of the
                    machine's temporary files)

Examples:
  npm run bench -- --only put-records-json,put-records-cbor
  npm run bench -- --only start --size storedMegabytes=1000 --rounds 3
  npm run bench -- --only flat-rates --size manyRecords=100000000

See also: npm run bench:compare (beside other servers), npm run bench:profile NAME (where the time goes).`;

const { values } = parseArgs({
  options: {
    only: { type: "string", multiple: true, default: [] },
    list: { type: "boolean", default: false },
    smoke: { type: "boolean", default: false },
    rounds: { type: "string" },
    size: { type: "string", multiple: true, default: [] },
    threads: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

if (values.help) console.log(HELP);
else if (values.list) console.log(benches.map(describeBench).join("\n"));
else await runAll();

function describeBench({ name, kind, question, sizes }: Bench): string {
  return `${name} (${kind})\n  ${question}\n  ${formatSize(sizes.full)}`;
}

async function runAll(): Promise<void> {
  const chosen = choose(values.only.flatMap((names) => names.split(",")));
  const rounds =
    values.rounds === undefined ? (values.smoke ? 1 : 5) : wholeNumber("--rounds", values.rounds);
  const threads = values.threads === undefined ? 1 : wholeNumber("--threads", values.threads);
  const overrides = sizeOverrides(chosen, values.size);
  const machine = thisMachine();
  const loadAverage = loadOfMachine();
  console.log(`${describeMachine(machine)}; commit ${thisCommit()}; medians of ${rounds}`);
  if (loadAverage > machine.cores / 2)
    console.log(
      `The machine is busy with something else (load average ${loadAverage}): figures are worse than they could be.`,
    );
  console.log();
  let failures = 0;
  for (const one of chosen) {
    const size = sizeOf(one, overrides);
    try {
      const { rows, digest } = await runBench(one, {
        size,
        rounds,
        progress: (text) => console.error(`${one.name}: ${text}`),
        server: threads === 1 ? {} : { threads },
      });
      const isSmokeSize = values.smoke && values.size.length === 0;
      if (isSmokeSize && digest !== one.smokeDigest)
        throw new Error(`the digest is ${digest}, and should be ${one.smokeDigest}`);
      console.log(formatRun(one, size, rows));
      if (!values.smoke)
        recordResult(resultLine({ bench: one.name, size, rounds, threads, loadAverage, rows, digest }));
    } catch (error) {
      failures += 1;
      console.error(
        `${one.name} FAILED: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
      );
    }
  }
  if (failures > 0) {
    console.error(`${failures} of ${chosen.length} benches failed`);
    process.exitCode = 1;
  }
}

function choose(names: readonly string[]): readonly Bench[] {
  if (names.length === 0) return benches;
  return names.map((name) => {
    const found = benches.find((one) => one.name === name);
    if (found === undefined) refuse(`there is no bench ${name}; --list shows those there are`);
    return found;
  });
}

function sizeOverrides(chosen: readonly Bench[], given: readonly string[]): Sizes {
  return Object.fromEntries(
    given.map((text) => {
      const [, name = "", value = ""] = /^(\w+)=(\d+)$/.exec(text) ?? [];
      if (!chosen.some(({ sizes }) => name in sizes.full))
        refuse(`--size ${text}: none of the chosen benches has a size of that name`);
      return [name, Number(value)];
    }),
  );
}

function sizeOf({ sizes }: Bench, overrides: Sizes): Sizes {
  const size = values.smoke ? sizes.smoke : sizes.full;
  const own = Object.entries(overrides).filter(([name]) => name in size);
  return { ...size, ...Object.fromEntries(own) };
}

function wholeNumber(option: string, text: string): number {
  if (/^[1-9]\d*$/.test(text)) return Number(text);
  return refuse(`${option} takes a whole number above 0, not ${text}`);
}

function refuse(reason: string): never {
  console.error(reason);
  process.exit(2);
}
