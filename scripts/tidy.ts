/**
 * The repository checks itself: layers, the outside as values, one contract, handler and conformance test
 * per operation, no dead files, nothing that ties the tree to one machine. It runs as a test, and with
 * `npm run tidy`.
 */
import { dependencyProblems } from "./tidy/dependencies.ts";
import { deadFileProblems, sourceProblems, textProblems } from "./tidy/files.ts";
import { layerProblems } from "./tidy/layers.ts";
import { operationProblems } from "./tidy/operations.ts";
import { outsideProblems } from "./tidy/outside.ts";
import { readTree } from "./tidy/tree.ts";

/** Everything that is wrong with the repository at `root`, one sentence each, sorted; empty when it is tidy. */
export function tidy(root: string): string[] {
  const tree = readTree(root);
  return [
    ...layerProblems(tree),
    ...dependencyProblems(tree),
    ...outsideProblems(tree),
    ...operationProblems(tree),
    ...deadFileProblems(tree),
    ...sourceProblems(tree),
    ...textProblems(tree),
  ].sort();
}
