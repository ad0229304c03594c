import type { Tree } from "./tree.ts";

/** Where the operations of each service are. */
const SERVICES = [
  {
    contracts: "packages/api/src/kinesis/",
    handlers: "packages/streams/src/operations/",
    conformance: "verification/conformance/kinesis/",
  },
  ...["cloudwatch", "dynamodb", "sts"].map((name) => ({
    contracts: `packages/api/src/${name}/`,
    handlers: `packages/tables/src/${name}/`,
    conformance: `verification/conformance/${name}/`,
  })),
];

/**
 * An operation is a contract, a handler and a conformance test under one name. A file in the folder of
 * contracts is an operation when it calls `operation(`; its neighbours hold shared shapes.
 */
export function* operationProblems(tree: Tree): Generator<string> {
  for (const service of SERVICES) yield* problemsOf(tree, service);
}

function* problemsOf(tree: Tree, service: (typeof SERVICES)[number]): Generator<string> {
  const { contracts, handlers, conformance } = service;
  const operations = new Set<string>();
  for (const path of tree.paths) {
    const name = nameIn(path, contracts);
    if (name !== undefined && /\boperation\s*\(/.test(tree.source(path).code)) operations.add(name);
  }
  for (const name of operations) {
    if (!tree.has(`${handlers}${name}.ts`))
      yield `${contracts}${name}.ts: has no handler ${handlers}${name}.ts`;
    const proof = `${conformance}${name}.test.ts`;
    if (!tree.has(proof)) yield `${contracts}${name}.ts: has no conformance test ${proof}`;
  }
  for (const path of tree.paths) {
    const name = nameIn(path, handlers);
    if (name !== undefined && name !== "index" && !operations.has(name)) {
      yield `${path}: is no operation with a contract in ${contracts}; helpers live beside the folder`;
    }
  }
}

function nameIn(path: string, directory: string): string | undefined {
  if (!path.startsWith(directory)) return undefined;
  return /^([a-z0-9-]+)\.ts$/.exec(path.slice(directory.length))?.[1];
}
