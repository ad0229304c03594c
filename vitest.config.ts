import { defineConfig } from "vitest/config";
import { conformanceProjects } from "./verification/conformance/projects.ts";
import { clusterSimulationProjects, simulationProjects } from "./verification/simulation/projects.ts";
import { fromSources, reporters } from "./vitest.shared.ts";

export default defineConfig({
  ...fromSources,
  test: {
    reporters: reporters(),
    projects: [
      {
        extends: true,
        test: {
          name: "packages",
          include: ["packages/*/src/**/*.test.ts", "scripts/**/*.test.ts"],
          testTimeout: 20_000,
        },
      },
      {
        extends: true,
        test: { name: "examples", include: ["examples/**/*.test.ts"], testTimeout: 60_000 },
      },
      {
        extends: true,
        test: {
          name: "bench",
          include: ["bench/*.test.ts", "bench/src/**/*.test.ts"],
          testTimeout: 60_000,
        },
      },
      ...simulationProjects,
      ...clusterSimulationProjects,
      ...conformanceProjects,
    ],
  },
});
