#!/usr/bin/env node
/**
 * A feed as a process of its own, so that its processor time can be told from that of the servers.
 *
 *   node bench/dist/cluster/feed-main.js '<FeedPlan as JSON>'
 *
 * Prints `ready` on standard error, begins when it reads the line `go`, and prints a `FeedResult` as a line of JSON.
 */
import { createInterface } from "node:readline";
import { feed } from "./feed.ts";
import type { FeedPlan } from "./feed-plan.ts";
import { openTarget } from "./feed-targets.ts";

const plan = JSON.parse(process.argv[2] ?? "{}") as FeedPlan;
const target = await openTarget(plan);
process.stderr.write("ready\n");
for await (const line of createInterface({ input: process.stdin })) if (line === "go") break;
const result = await feed(target, plan);
await target.close();
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
