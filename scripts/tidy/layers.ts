import { isSource, isTest, OTHER_WORKSPACES, type Package, PACKAGES, packagesIn, type Tree } from "./tree.ts";

/**
 * A package imports packages of strictly lower layers, through their front door, and never a sibling; and
 * what it imports, what its manifest declares and what its tsconfig references are the same thing.
 */
export function* layerProblems(tree: Tree): Generator<string> {
  if (!tree.has("layers.json")) {
    yield "layers.json is missing: it names the layer of every package";
    return;
  }
  const layers = tree.json("layers.json") as Readonly<Record<string, number>>;
  const packages = packagesIn(tree, PACKAGES);
  const byName = new Map(packages.map((one) => [one.name, one]));
  const versions = new Set(packages.map((one) => one.version));
  if (versions.size > 1)
    yield `packages/: all packages share one version, found ${[...versions].sort().join(", ")}`;

  for (const one of packages) {
    const layer = layers[one.folder];
    if (layer === undefined) {
      yield `${one.directory}: has no layer in layers.json`;
      continue;
    }
    for (const dependency of houseDependencies(one)) {
      const other = byName.get(dependency);
      const otherLayer = other === undefined ? undefined : layers[other.folder];
      if (otherLayer === undefined) {
        yield `${one.directory}/package.json: depends on ${dependency}, which is no package of this house`;
      } else if (otherLayer >= layer) {
        yield `${one.directory}/package.json: layer ${layer} must not depend on ${dependency} of layer ${otherLayer}`;
      }
    }
    yield* referenceProblems(tree, one, byName);
    yield* importProblems(tree, one, byName);
  }
  for (const folder of Object.keys(layers)) {
    if (!packages.some((one) => one.folder === folder))
      yield `layers.json: names ${folder}, which has no package`;
  }
  // Private workspaces may use one another: nothing of them is part of the program.
  const others = packagesIn(tree, OTHER_WORKSPACES);
  for (const one of others) byName.set(one.name, one);
  for (const one of others) yield* importProblems(tree, one, byName);
}

function houseDependencies(one: Package): string[] {
  return Object.keys({ ...one.dependencies, ...one.devDependencies }).filter(isOfTheHouse);
}

function isOfTheHouse(name: string): boolean {
  return name === "millrace" || name.startsWith("@millrace/");
}

function* referenceProblems(
  tree: Tree,
  one: Package,
  byName: ReadonlyMap<string, Package>,
): Generator<string> {
  const path = `${one.directory}/tsconfig.json`;
  if (!tree.has(path)) {
    yield `${one.directory}: has no tsconfig.json`;
    return;
  }
  const { references = [] } = tree.json(path) as { references?: readonly { path: string }[] };
  const referenced = references.map((reference) => reference.path.replace(/^\.\.\//, "")).sort();
  const depended = Object.keys(one.dependencies)
    .filter(isOfTheHouse)
    .map((name) => byName.get(name)?.folder ?? name)
    .sort();
  if (referenced.join() !== depended.join()) {
    yield `${path}: references [${referenced.join(", ")}] differ from the dependencies [${depended.join(", ")}]`;
  }
}

function* importProblems(tree: Tree, one: Package, byName: ReadonlyMap<string, Package>): Generator<string> {
  for (const path of tree.paths) {
    if (!path.startsWith(`${one.directory}/`) || !isSource(path)) continue;
    for (const { specifier, byUrl, line } of tree.imports(path)) {
      if (byUrl) continue;
      const place = `${path}:${line}`;
      if (specifier.startsWith(".")) {
        const target = new URL(specifier, `file:///${path}`).pathname.slice(1);
        // What stands at the root itself is shared by private workspaces: the test runner's settings.
        const isShared = !path.startsWith("packages/") && !target.includes("/");
        if (!target.startsWith(`${one.directory}/`) && !isShared) {
          yield `${place}: reaches out of its package with ${specifier}; import the package by name`;
        }
        continue;
      }
      if (specifier.startsWith("node:")) continue;
      const name = specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
      if (isOfTheHouse(name)) {
        const door = `.${specifier.slice(name.length)}`;
        // Beside the front door a package may have one for tests.
        if (door !== "." && !(isTest(path) && byName.get(name)?.doors.includes(door) === true)) {
          yield `${place}: deep import ${specifier}; go through the front door ${name}`;
        }
        if (name !== one.name && !byName.has(name)) yield `${place}: imports ${name}, which does not exist`;
        if (name === one.name && path.startsWith("packages/")) {
          yield `${place}: imports its own package by name; import the file`;
          continue;
        }
      }
      const declared =
        name in one.dependencies ||
        name in one.peerDependencies ||
        (isTest(path) && name in one.devDependencies);
      // Tests and private workspaces may use what the root declares for everybody (the test runner, SDKs).
      const shared = (isTest(path) || !path.startsWith("packages/")) && !isOfTheHouse(name);
      const sharedContract = path.endsWith(".contract.ts") && !isOfTheHouse(name);
      if (!declared && !shared && !sharedContract) {
        yield `${place}: imports ${name}, which ${one.directory}/package.json does not declare`;
      }
    }
  }
}
