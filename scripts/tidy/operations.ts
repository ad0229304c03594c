import type { Tree } from "./tree.ts";

const CONTRACTS = "packages/api/src/kinesis/";
const HANDLERS = "packages/streams/src/operations/";
const CONFORMANCE = "verification/conformance/kinesis/";

/**
 * An operation is a contract, a handler and a conformance test under one name. A file in the folder of
 * contracts is an operation when it calls `operation(`; its neighbours hold shared shapes.
 */
export function* operationProblems(tree: Tree): Generator<string> {
  const operations = new Set<string>();
  for (const path of tree.paths) {
    const name = nameIn(path, CONTRACTS);
    if (name !== undefined && /\boperation\s*\(/.test(tree.source(path).code)) operations.add(name);
  }
  for (const name of operations) {
    if (!tree.has(`${HANDLERS}${name}.ts`))
      yield `${CONTRACTS}${name}.ts: has no handler ${HANDLERS}${name}.ts`;
    const conformance = `${CONFORMANCE}${name}.test.ts`;
    if (!tree.has(conformance)) yield `${CONTRACTS}${name}.ts: has no conformance test ${conformance}`;
  }
  for (const path of tree.paths) {
    const name = nameIn(path, HANDLERS);
    if (name !== undefined && name !== "index" && !operations.has(name)) {
      yield `${path}: is no operation with a contract in ${CONTRACTS}; helpers live beside the folder`;
    }
  }
}

function nameIn(path: string, directory: string): string | undefined {
  if (!path.startsWith(directory)) return undefined;
  return /^([a-z0-9-]+)\.ts$/.exec(path.slice(directory.length))?.[1];
}
