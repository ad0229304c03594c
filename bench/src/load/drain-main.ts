/** A reader as a process of its own: `drain-main.js PLAN`, the plan as JSON. Prints its result as one line of JSON. */
import { drain } from "./drain.ts";
import type { DrainPlan } from "./drain-plan.ts";

const result = await drain(JSON.parse(process.argv[2] ?? "{}") as DrainPlan);
process.stdout.write(`${JSON.stringify(result)}\n`);
