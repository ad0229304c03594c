#!/usr/bin/env node
/**
 * The load generator: a process of its own, so that what it costs is not the server's.
 *
 *   node bench/dist/load/main.js '<LoadPlan as JSON>'
 *
 * Prints one `LoadResult` as a line of JSON. Errors that the server answered are in it, and do not change the
 * exit code: whoever reads the result says what they mean.
 */
import { createInterface } from "node:readline";
import { prepareLoad } from "./generator.ts";
import type { LoadPlan } from "./plan.ts";

const plan = JSON.parse(process.argv[2] ?? "{}") as LoadPlan;
const load = await prepareLoad(plan);
if (plan.waitForGo === true) {
  process.stderr.write("ready\n");
  for await (const line of createInterface({ input: process.stdin })) if (line === "go") break;
}
const result = await load.run();
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
