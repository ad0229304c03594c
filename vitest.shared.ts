/** What every suite's configuration has in common: workspaces run from sources, and reports that `.ci/run` adds up. */
import type { ViteUserConfig } from "vitest/config";

const conditions = ["@millrace/source"];

export const fromSources = { resolve: { conditions }, ssr: { resolve: { conditions } } };

/** With `VITEST_REPORT=file` each run's results are also written to `file-PID.json`. */
export function reporters(): NonNullable<NonNullable<ViteUserConfig["test"]>["reporters"]> {
  const report = process.env["VITEST_REPORT"];
  const shown = process.env["CI"] === undefined ? "default" : "dot";
  if (report === undefined || report === "") return [shown];
  return [shown, ["json", { outputFile: `${report}-${process.pid}.json` }]];
}
