/** The project of the test runner. One file at a time: each starts servers of its own. */
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL(".", import.meta.url));

export const clusterProjects = [
  {
    extends: true as const,
    test: {
      root,
      name: "cluster",
      include: ["**/*.test.ts"],
      pool: "forks" as const,
      fileParallelism: false,
      maxWorkers: 1,
      testTimeout: 120_000,
      hookTimeout: 90_000,
    },
  },
];
