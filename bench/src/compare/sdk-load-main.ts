/** The SDK as a process of its own: `sdk-load-main.js PLAN`, the plan as JSON. Prints its result as one line of JSON. */
import { loadWithSdk } from "./sdk-load.ts";
import type { SdkLoadPlan } from "./sdk-load.ts";

const result = await loadWithSdk(JSON.parse(process.argv[2] ?? "{}") as SdkLoadPlan);
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
