/** The projects of the test runner: histories, in as many processes as there are parts, and mutations. */
import { fileURLToPath } from "node:url";
import { mutationPlugin } from "./src/mutations/mutation-plugin.ts";
import { mutations } from "./src/mutations/mutations.ts";

const root = fileURLToPath(new URL(".", import.meta.url));

const partCount = Number(process.env["SIMULATION_PARTS"] ?? 1);

const common = { root, pool: "forks" as const, testTimeout: 900_000 };

/** A short run by default; `run.mjs` asks for more. */
export const simulationProjects = Array.from({ length: partCount }, (_, part) => ({
  extends: true as const,
  test: {
    ...common,
    name: partCount === 1 ? "simulation" : `simulation ${part + 1} of ${partCount}`,
    include: ["src/**/*.test.ts"],
    exclude: ["src/mutations/**"],
    env: { SIMULATION_PART: String(part), SIMULATION_PARTS: String(partCount) },
  },
}));

/** Each mutation has a project, because it has modules of its own; one more has none of them. */
export const mutationProjects = [undefined, ...mutations].map((mutation) => ({
  extends: true as const,
  plugins: mutation === undefined ? [] : [mutationPlugin(mutation)],
  test: {
    ...common,
    name: `mutation ${mutation?.name ?? "none"}`,
    include: ["src/mutations/*.test.ts"],
    env: { SIMULATION_MUTATION: mutation?.name ?? "none" },
  },
}));
