import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { SdkLoadPlan, SdkLoadResult } from "./sdk-load.ts";

const program = fileURLToPath(new URL("../../dist/compare/sdk-load-main.js", import.meta.url));

/** Runs the SDK in a process of its own. Rejects with what that printed when a call was answered an error. */
export async function runSdkLoad(plan: SdkLoadPlan): Promise<SdkLoadResult> {
  const { stdout } = await promisify(execFile)(process.execPath, [program, JSON.stringify(plan)]);
  return JSON.parse(stdout) as SdkLoadResult;
}
