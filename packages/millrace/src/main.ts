#!/usr/bin/env node
import { bundledProgram } from "./bundle.ts";
import type * as Program from "./program.ts";

const bundle = bundledProgram(new URL("../bundle/", import.meta.url));
const { runProgram } =
  bundle === undefined ? await import("./program.ts") : ((await import(bundle.href)) as typeof Program);
await runProgram();
