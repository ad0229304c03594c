/** The project of the test runner. One file at a time: every suite wants the machine for itself. */
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL(".", import.meta.url));

export const crashProjects = [
  {
    extends: true as const,
    test: {
      root,
      name: "crash",
      include: ["**/*.test.ts"],
      pool: "forks" as const,
      fileParallelism: false,
      maxWorkers: 1,
      testTimeout: 180_000,
      hookTimeout: 60_000,
    },
  },
];
