#!/usr/bin/env node
/**
 * The latency probe, as a process of its own:
 *
 *   node bench/dist/load/latency-main.js '<LatencyPlan as JSON>'
 *
 * Prints one `LatencyResult` as a line of JSON; ends with 1 when the server answered an error or a record is missing.
 */
import type { LatencyPlan } from "./latency-plan.ts";
import { probeLatency } from "./latency-probe.ts";

const result = await probeLatency(JSON.parse(process.argv[2] ?? "{}") as LatencyPlan);
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
