/** Starts load generators and probes, and brings back what they counted. */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { undoAtExit } from "../servers/scratch.ts";
import { prepareLoad } from "./generator.ts";
import type { LatencyPlan, LatencyResult } from "./latency-plan.ts";
import type { LoadPlan, LoadResult } from "./plan.ts";

const loadProgram = fileURLToPath(new URL("../../dist/load/main.js", import.meta.url));
const latencyProgram = fileURLToPath(new URL("../../dist/load/latency-main.js", import.meta.url));

/** The server answered errors, or the load could not be brought. A bench that meets one has failed. */
export class LoadError extends Error {
  override readonly name = "LoadError";
}

/** Runs one plan in a process of its own. @throws {LoadError} */
export async function runLoad(plan: LoadPlan): Promise<LoadResult> {
  const [result] = await runLoads([plan]);
  return result!;
}

/** Runs plans side by side, each in a process of its own; all begin when all are ready. @throws {LoadError} */
export async function runLoads(plans: readonly LoadPlan[], onGo?: () => void): Promise<LoadResult[]> {
  const waiting = plans.map((plan) => ({ ...plan, waitForGo: true }));
  const results = await runTogether<LoadResult>(loadProgram, waiting, { onGo });
  for (const [index, result] of results.entries()) checkResult(plans[index]!, result);
  return results;
}

/**
 * Runs a program once for each plan, side by side. Each prints `ready` on standard error when it has prepared what it needs, begins
 * when it reads the line `go`, and prints its result as JSON.
 *
 * @throws {LoadError} with what it printed, when one does not end well.
 */
export async function runTogether<Result>(
  program: string,
  plans: readonly object[],
  {
    onGo,
    nodeFlags = [],
  }: { readonly onGo?: (() => void) | undefined; readonly nodeFlags?: readonly string[] },
): Promise<Result[]> {
  const children = plans.map((plan) => startChild<Result>(program, plan, nodeFlags));
  try {
    await Promise.all(children.map(({ ready }) => ready));
    onGo?.();
    for (const { child } of children) child.stdin?.write("go\n");
    return await Promise.all(children.map(({ result }) => result));
  } finally {
    for (const { child } of children) child.kill("SIGKILL");
  }
}

/**
 * Runs a plan in this process, for loads that prepare or check and are not measured: a process of its own costs
 * more than many of them. @throws {LoadError}
 */
export async function runLoadHere(plan: LoadPlan): Promise<LoadResult> {
  const load = await prepareLoad(plan);
  const result = await load.run();
  checkResult(plan, result);
  return result;
}

/** Measures latencies in a process of its own. @throws {LoadError} */
export async function runLatencyProbe(plan: LatencyPlan): Promise<LatencyResult> {
  return await startChild<LatencyResult>(latencyProgram, plan).result;
}

function checkResult(plan: LoadPlan, { errors, requests }: LoadResult): void {
  const found = Object.entries(errors).map(([code, { count, sample }]) => `${count} × ${code}: ${sample}`);
  const where = `${plan.operation} to ${plan.endpoint}`;
  if (found.length > 0) throw new LoadError(`${where} was answered errors: ${found.join("; ")}`);
  if (requests === 0) throw new LoadError(`${where} was not answered at all`);
}

interface Child<Result> {
  readonly child: ChildProcess;
  /** It has said so. */
  readonly ready: Promise<void>;
  readonly result: Promise<Result>;
}

function startChild<Result>(program: string, plan: object, nodeFlags: readonly string[] = []): Child<Result> {
  const child = spawn(process.execPath, [...nodeFlags, program, JSON.stringify(plan)], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  const forget = undoAtExit(() => child.kill("SIGKILL"));
  let output = "";
  let complaints = "";
  const result = new Promise<Result>((resolve, reject) => {
    child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
    child.on("error", reject);
    child.on("close", (code, signal) => {
      forget();
      if (code === 0) resolve(JSON.parse(output) as Result);
      else reject(new LoadError(`the load generator ended with ${signal ?? code}\n${complaints}`));
    });
  });
  const ready = new Promise<void>((resolve, reject) => {
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      complaints += text;
      if (/^ready$/m.test(complaints)) resolve();
    });
    result.catch(reject);
  });
  // Whoever does not wait for it to be ready is told by the result.
  ready.catch(() => undefined);
  child.stdin.on("error", () => undefined);
  return { child, ready, result };
}
