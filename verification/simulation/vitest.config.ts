import { defineConfig } from "vitest/config";
import { fromSources, reporters } from "../../vitest.shared.ts";
import { clusterSimulationProjects, mutationProjects, simulationProjects } from "./projects.ts";

/** What `run.mjs` asks for; without it, a short run of histories. */
const suites = (process.env["SIMULATION_SUITES"] ?? "histories,cluster").split(",");

export default defineConfig({
  ...fromSources,
  test: {
    reporters: reporters(),
    projects: [
      ...(suites.includes("histories") ? simulationProjects : []),
      ...(suites.includes("cluster") ? clusterSimulationProjects : []),
      ...(suites.includes("mutations") ? mutationProjects : []),
    ],
  },
});
