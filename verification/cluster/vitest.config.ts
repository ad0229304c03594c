import { defineConfig } from "vitest/config";
import { fromSources, reporters } from "../../vitest.shared.ts";
import { clusterProjects } from "./projects.ts";

export default defineConfig({
  ...fromSources,
  test: { reporters: reporters(), projects: clusterProjects },
});
