/** Starts loads that go on whatever the server answers, and says what their totals mean. */
import { fileURLToPath } from "node:url";
import { LineChild } from "./line-child.ts";
import type { PressurePlan, PressureTotals, PressureWindow } from "./pressure-plan.ts";
import { Pressure } from "./pressure.ts";
import { LoadError } from "./run-load.ts";

const program = fileURLToPath(new URL("../../dist/load/pressure-main.js", import.meta.url));

/** A load whose connections stand. */
export interface OpenPressure {
  start(): Promise<void>;
  /** What came since the last window, or the start. */
  window(): Promise<PressureWindow>;
  /** Sends nothing more; resolves when everything is answered. */
  stop(): Promise<PressureTotals>;
  /** Breaks it off. */
  kill(): void;
}

/** In a process of its own; in this one for a number of requests, which is for checking and not for rates. */
export async function openPressure(plan: PressurePlan): Promise<OpenPressure> {
  if (plan.requests !== undefined) {
    const pressure = await Pressure.open(plan);
    return {
      start: () => Promise.resolve(pressure.start()),
      window: () => Promise.resolve(pressure.window()),
      stop: () => pressure.stop(),
      kill: () => undefined,
    };
  }
  const child = await LineChild.start(program, plan);
  return {
    start: () => child.ask("start"),
    window: () => child.ask("window"),
    stop: async () => {
      const totals = await child.ask<PressureTotals>("stop");
      child.kill();
      return totals;
    },
    kill: () => child.kill(),
  };
}

/** Throttles and refusals are answers that were asked for; anything else is a finding. @throws {LoadError} */
export function checkTotals({ errors, brokenConnections }: PressureTotals): void {
  const found = Object.entries(errors).map(([code, { count, sample }]) => `${count} × ${code}: ${sample}`);
  if (brokenConnections.count > 0)
    found.push(`${brokenConnections.count} connections broke: ${brokenConnections.sample}`);
  if (found.length > 0) throw new LoadError(`the load was answered errors: ${found.join("; ")}`);
}
