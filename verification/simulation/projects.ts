/** The projects of the test runner: histories of a server and of a cluster, in as many processes as there are parts, and mutations. */
import { fileURLToPath } from "node:url";
import { clusterMutations } from "./src/mutations/cluster-mutations.ts";
import { mutationPlugin } from "./src/mutations/mutation-plugin.ts";
import { mutations } from "./src/mutations/mutations.ts";

const root = fileURLToPath(new URL(".", import.meta.url));

const partCount = Number(process.env["SIMULATION_PARTS"] ?? 1);

const common = { root, pool: "forks" as const, testTimeout: 900_000 };

/** Projects of the same tests, one for each part. */
function partsOf(name: string, include: string, exclude: readonly string[]) {
  return Array.from({ length: partCount }, (_, part) => ({
    extends: true as const,
    test: {
      ...common,
      name: partCount === 1 ? name : `${name} ${part + 1} of ${partCount}`,
      include: [include],
      exclude: [...exclude],
      env: { SIMULATION_PART: String(part), SIMULATION_PARTS: String(partCount) },
    },
  }));
}

/** A short run by default; `run.mjs` asks for more. */
export const simulationProjects = partsOf("simulation", "src/**/*.test.ts", [
  "src/mutations/**",
  "src/cluster/**",
]);

export const clusterSimulationProjects = partsOf("simulated cluster", "src/cluster/*.test.ts", []);

/** Each mutation has a project, because it has modules of its own; one more has none of them. */
export const mutationProjects = [undefined, ...mutations, ...clusterMutations].map((mutation) => ({
  extends: true as const,
  plugins: mutation === undefined ? [] : [mutationPlugin(mutation)],
  test: {
    ...common,
    name: `mutation ${mutation?.name ?? "none"}`,
    include: [
      ...(clusterMutations.some(({ name }) => name === mutation?.name)
        ? []
        : ["src/mutations/mutation.test.ts"]),
      ...(mutations.some(({ name }) => name === mutation?.name)
        ? []
        : ["src/mutations/cluster-mutation.test.ts"]),
    ],
    env: { SIMULATION_MUTATION: mutation?.name ?? "none" },
  },
}));
