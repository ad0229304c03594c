import { lineAt } from "./source-text.ts";
import { isSource, isTest, type Tree } from "./tree.ts";

/**
 * Time, chance, disk and network enter as values, or the simulator could not replay a history from its
 * seed. Only these places touch the real ones.
 */
const EDGES: readonly string[] = [
  "packages/runtime/",
  "packages/wire/src/listener/",
  "packages/client/src/transport/",
  "packages/cli/",
  "packages/millrace/",
];

const OUTSIDE_MODULES = new Set(
  [
    "child_process",
    "cluster",
    "dgram",
    "dns",
    "fs",
    "http",
    "http2",
    "https",
    "net",
    "os",
    "perf_hooks",
    "timers",
    "tls",
    "worker_threads",
  ].map((name) => `node:${name}`),
);

/** Not preceded by a dot or a word: `clock.setTimeout` and `mySetTimeout` are something else. */
const OUTSIDE_NAMES: readonly (readonly [name: string, pattern: RegExp])[] = [
  ["Date.now", /(?<![.\w$#])Date\s*\.\s*now\b/g],
  ["new Date()", /(?<![.\w$#])new\s+Date\b\s*(?:\(\s*\)|(?![\s\w(]))/g],
  ["Math.random", /(?<![.\w$#])Math\s*\.\s*random\b/g],
  ["setTimeout", /(?<![.\w$#])setTimeout\b(?!\s*[:?])/g],
  ["setInterval", /(?<![.\w$#])setInterval\b(?!\s*[:?])/g],
  ["setImmediate", /(?<![.\w$#])setImmediate\b(?!\s*[:?])/g],
  ["performance", /(?<![.\w$#])performance\s*\.\s*\w/g],
  ["process.hrtime", /(?<![.\w$#])process\s*\.\s*hrtime\b/g],
  ["fetch", /(?<![.\w$#])fetch\s*\(/g],
  [
    "randomness of node:crypto",
    /\b(?:randomBytes|randomUUID|randomInt|randomFill|randomFillSync|getRandomValues)\b/g,
  ],
];

export function* outsideProblems(tree: Tree): Generator<string> {
  for (const path of tree.paths) {
    if (!/^packages\/[^/]+\/src\//.test(path) || !isSource(path) || isTest(path)) continue;
    if (EDGES.some((edge) => path.startsWith(edge))) continue;
    for (const { specifier, clause, line } of tree.imports(path)) {
      // Whether a text is an address is a question of spelling, not of the network.
      if (specifier === "node:net" && /^\{\s*(?:isIP(?:v4|v6)?\s*,?\s*)+\}$/.test(clause)) continue;
      const module = specifier.startsWith("node:") ? specifier : `node:${specifier}`;
      if (OUTSIDE_MODULES.has(module.split("/", 1).join("/"))) {
        yield `${path}:${line}: imports ${specifier}; the outside is handed in as a value`;
      }
    }
    const { code } = tree.source(path);
    for (const [name, pattern] of OUTSIDE_NAMES) {
      for (const match of code.matchAll(pattern)) {
        yield `${path}:${lineAt(code, match.index)}: uses ${name}; the outside is handed in as a value`;
      }
    }
  }
}
