/**
 * The two projects of the test runner: the cases, and after them the comparison of what they exercised
 * with the contracts.
 */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL(".", import.meta.url));

/** One folder for each run of the test runner: `src/coverage.ts` writes into it and reads from it. */
const env = {
  CONFORMANCE_RECORD: join(tmpdir(), `millrace-conformance-${process.pid}-${Date.now()}`),
  // Its advice to upgrade Node is not about what is tested here.
  AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true",
};

const common = {
  root,
  env,
  // One server and one driver for each worker, not for each file: a JVM takes its time to start.
  isolate: false,
  pool: "forks" as const,
  // Cases wait for states more than they compute, so two workers pay even on one free core. Cases that move
  // the clock need a server of their own, so that workers cannot share one.
  maxWorkers: process.env["ENDPOINT"] === undefined ? 2 : 1,
};

export const conformanceProjects = [
  {
    extends: true as const,
    test: {
      ...common,
      name: "conformance",
      include: ["{cloudwatch,dynamodb,kinesis,sts,wire}/**/*.test.ts"],
      // Requests made by hand have no SDK in them, and other services have cases for one SDK: once is enough.
      exclude:
        (process.env["CLIENT"] ?? "javascript") === "javascript"
          ? []
          : ["wire/by-hand/**", "{cloudwatch,dynamodb,sts}/**"],
      // AWS takes its time to create a stream.
      testTimeout: process.env["ENDPOINT"]?.includes("amazonaws.com") ? 600_000 : 20_000,
      hookTimeout: 120_000,
      sequence: { groupOrder: 1 },
    },
  },
  {
    extends: true as const,
    test: {
      ...common,
      name: "conformance-coverage",
      include: ["coverage.test.ts"],
      sequence: { groupOrder: 2 },
    },
  },
];
