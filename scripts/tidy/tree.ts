import { execFileSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { importsOf, readSource, type ImportedModule, type SourceText } from "./source-text.ts";

/** The files that the repository holds or is about to: tracked, and untracked but not ignored. */
export interface Tree {
  /** Paths from the root, with forward slashes, sorted. */
  readonly paths: readonly string[];
  has(path: string): boolean;
  /** The text of a file; binary files read as the empty string. */
  text(path: string): string;
  json(path: string): unknown;
  source(path: string): SourceText;
  imports(path: string): readonly ImportedModule[];
}

export function readTree(root: string): Tree {
  const listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  // A file that was deleted but not yet recorded as such is still listed.
  const paths = [...new Set(listed.split("\0"))]
    .filter((path) => path !== "" && isFile(join(root, path)))
    .sort();
  const known = new Set(paths);
  const text = remembered((path: string) => {
    const bytes = readFileSync(join(root, path));
    return bytes.subarray(0, 8000).includes(0) ? "" : bytes.toString("utf8");
  });
  const source = remembered((path: string) => readSource(text(path)));
  return {
    paths,
    has: (path) => known.has(path),
    text,
    json: (path) => JSON.parse(text(path)) as unknown,
    source,
    imports: remembered((path: string) => importsOf(source(path))),
  };
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

function remembered<T>(compute: (path: string) => T): (path: string) => T {
  const values = new Map<string, T>();
  return (path) => {
    let value = values.get(path);
    if (value === undefined) {
      value = compute(path);
      values.set(path, value);
    }
    return value;
  };
}

/** A package of the house: a folder in `packages/`. */
export interface Package {
  readonly directory: string;
  readonly folder: string;
  readonly name: string;
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
  /** What can be imported of it: `.` is the front door. */
  readonly doors: readonly string[];
}

interface Manifest {
  readonly name?: string;
  readonly version?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly exports?: Readonly<Record<string, unknown>>;
}

/** Every folder with a `package.json` that matches `pattern`, whose one group is the folder's name. */
export function packagesIn(tree: Tree, pattern: RegExp): Package[] {
  const packages: Package[] = [];
  for (const path of tree.paths) {
    const folder = pattern.exec(path)?.[1];
    if (folder === undefined) continue;
    const manifest = tree.json(path) as Manifest;
    packages.push({
      directory: path.slice(0, -"/package.json".length),
      folder,
      name: manifest.name ?? "",
      version: manifest.version ?? "",
      dependencies: manifest.dependencies ?? {},
      devDependencies: manifest.devDependencies ?? {},
      peerDependencies: manifest.peerDependencies ?? {},
      doors: Object.keys(manifest.exports ?? {}),
    });
  }
  return packages;
}

export const PACKAGES = /^packages\/([^/]+)\/package\.json$/;
export const OTHER_WORKSPACES = /^((?:verification|examples)\/[^/]+|bench)\/package\.json$/;

export function isTest(path: string): boolean {
  return /\.(?:test|bench)\.ts$/.test(path);
}

export function isSource(path: string): boolean {
  return /\.(?:ts|mts|js|mjs|cjs|tsx|jsx)$/.test(path);
}
