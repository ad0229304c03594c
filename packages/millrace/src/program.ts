import { nodeWorld, run } from "@millrace/cli";
import { traceToSources } from "./trace-to-sources.ts";

/** Runs the program and ends the process with its exit code. */
export async function runProgram(): Promise<void> {
  traceToSources();
  const code = await run(process.argv.slice(2), nodeWorld());
  // What was written to a pipe may still be on its way. After that the process ends even if something, an idle
  // connection for instance, could keep it alive.
  process.exitCode = code;
  process.stdout.write("", () => process.stderr.write("", () => process.exit(code)));
}
