/** Starts readers of a whole stream: ours, and the one of the KCL. */
import { execFile, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { DrainPlan, DrainResult } from "./drain-plan.ts";

const program = fileURLToPath(new URL("../../dist/load/drain-main.js", import.meta.url));
const kclDirectory = fileURLToPath(new URL("../../../verification/interop/kcl", import.meta.url));
const kclArchive = `${kclDirectory}/target/3.5.1/millrace-interop-kcl.jar`;
const TIMEOUT_MS = 600_000;

export async function runDrain(plan: DrainPlan): Promise<DrainResult> {
  return resultOf(process.execPath, [program, JSON.stringify(plan)], plan);
}

/** The same with a worker of the KCL 3. */
export async function runKclDrain(plan: DrainPlan): Promise<DrainResult> {
  const { endpoint, region, streamName, applicationName, warmUpCount, recordCount } = plan;
  const logging = "-Dorg.slf4j.simpleLogger.defaultLogLevel=error";
  const main = ["-cp", kclArchive, "io.millrace.interop.kcl.Drain"];
  const options = [endpoint, region, streamName, applicationName, String(warmUpCount), String(recordCount)];
  return resultOf("java", ["-Xmx1g", logging, ...main, ...options], plan);
}

/** Why the KCL cannot run here; undefined when it can. */
export function whyNoKcl(): string | undefined {
  if (spawnSync("java", ["-version"]).status !== 0) return "there is no Java";
  if (!existsSync(kclArchive)) return 'make it first: "mvn -q -f verification/interop/kcl package"';
  return undefined;
}

async function resultOf(
  command: string,
  options: readonly string[],
  { recordCount, streamName }: DrainPlan,
): Promise<DrainResult> {
  const { stdout } = await promisify(execFile)(command, options, { timeout: TIMEOUT_MS });
  const result = JSON.parse(stdout) as DrainResult;
  if (result.recordCount !== recordCount)
    throw new Error(`${result.recordCount} of ${recordCount} records of ${streamName} came`);
  return result;
}
