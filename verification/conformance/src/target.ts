/**
 * The server that the cases look at: `ENDPOINT` when it is set, else our own, in memory, one for each
 * worker of the test runner. Everything here happens once in a worker.
 */
import { startMillrace } from "millrace";
import { controlsOf, isMillrace, type Controls } from "./controls.ts";
import type { Driver } from "./client.ts";
import { driverName, openDriver } from "./drivers.ts";
import { startProgram } from "./program.ts";

export interface Target {
  readonly endpoint: string;
  readonly region: string;
  /** A Millrace makes an account of every access key id of twelve digits; AWS does not. */
  readonly hasFreshAccounts: boolean;
  /** Present on a Millrace that lets its clock be moved and its answers be spoiled (`--dev`). */
  readonly controls: Controls | undefined;
  readonly driver: Driver;
}

export const target: Target = await open();

/** `THREADS`: of a server in a process of its own. `DEV=off`: without control of its clock and faults. */
async function ownServer(): Promise<string> {
  const { THREADS: threads, DEV: dev } = process.env;
  if (threads === undefined) return (await startMillrace({ limits: "aws", transitionDelayMs: 50 })).endpoint;
  return startProgram(["--threads", threads, ...(dev === "off" ? [] : ["--dev"])]);
}

async function open(): Promise<Target> {
  const region = process.env["AWS_REGION"] ?? "us-east-1";
  const endpoint = process.env["ENDPOINT"] ?? (await ownServer());
  const hasFreshAccounts = await isMillrace(endpoint);
  const controls = hasFreshAccounts ? await controlsOf(endpoint) : undefined;
  console.info(
    `conformance of ${endpoint} through the ${driverName} SDK${controls ? "" : "; no clock, no faults"}`,
  );
  return { endpoint, region, hasFreshAccounts, controls, driver: openDriver(endpoint, region) };
}
