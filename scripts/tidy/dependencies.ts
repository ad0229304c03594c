import type { Tree } from "./tree.ts";

const EXPLAINED = "docs/dependencies.md";

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** Every dependency from outside the house has a line that says why it is there. */
export function* dependencyProblems(tree: Tree): Generator<string> {
  const explained = tree.has(EXPLAINED) ? tree.text(EXPLAINED) : "";
  for (const path of tree.paths) {
    if (!/(?:^|\/)package\.json$/.test(path)) continue;
    const manifest = tree.json(path) as Manifest;
    const names = Object.keys({
      ...manifest.dependencies,
      ...manifest.devDependencies,
      ...manifest.optionalDependencies,
      ...manifest.peerDependencies,
    });
    for (const name of names) {
      if (name === "millrace" || name.startsWith("@millrace/")) continue;
      if (!explained.includes(`\`${name}\``)) yield `${path}: ${EXPLAINED} does not explain ${name}`;
    }
  }
}
