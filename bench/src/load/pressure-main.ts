#!/usr/bin/env node
/**
 * Puts that go on whatever the server answers, as a process of their own:
 *
 *   node bench/dist/load/pressure-main.js '<PressurePlan as JSON>'
 *
 * Is told `start`, `window` and `stop`, one a line, and answers each with a line: nothing, a `PressureWindow`, and the
 * `PressureTotals`.
 */
import { answerLines } from "./line-child.ts";
import type { PressurePlan } from "./pressure-plan.ts";
import { Pressure } from "./pressure.ts";

const pressure = await Pressure.open(JSON.parse(process.argv[2] ?? "{}") as PressurePlan);
await answerLines((line) => {
  if (line === "start") return pressure.start();
  if (line === "window") return pressure.window();
  if (line === "stop") return pressure.stop();
  throw new Error(`there is no command ${line}`);
});
process.exit(0);
