import { posix } from "node:path";
import { lineAt } from "./source-text.ts";
import { isSource, isTest, type Tree } from "./tree.ts";

const LINE_COUNT_MAX = 500;

/** Files that nobody imports are dead; entries, tests and benches are started by name. */
export function* deadFileProblems(tree: Tree): Generator<string> {
  const imported = new Set<string>();
  const importedByTests = new Set<string>();
  for (const path of tree.paths) {
    if (!isSource(path)) continue;
    for (const { specifier } of tree.imports(path)) {
      if (!specifier.startsWith(".")) continue;
      // A worker is started from its built form, so its URL ends in `.js`.
      const target = posix.join(posix.dirname(path), specifier).replace(/\.js$/, ".ts");
      if (target !== path) (isTest(path) ? importedByTests : imported).add(target);
    }
  }
  for (const path of tree.paths) {
    if (!/^packages\/[^/]+\/src\/.*\.ts$/.test(path) || isTest(path)) continue;
    if (/^packages\/[^/]+\/src\/(?:index|main)\.ts$/.test(path) || imported.has(path)) continue;
    if (!importedByTests.has(path)) yield `${path}: nobody imports it`;
  }
}

export function* sourceProblems(tree: Tree): Generator<string> {
  for (const path of tree.paths) {
    if (!isSource(path)) continue;
    const text = tree.text(path);
    const lineCount = text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
    if (lineCount > LINE_COUNT_MAX)
      yield `${path}: has ${lineCount} lines, more than ${LINE_COUNT_MAX}; make it a folder`;

    const { code } = tree.source(path);
    for (const match of code.matchAll(/\b(?:describe|suite|test|it)(?:\.\w+)*\.(?:only|skip|todo)\b/g)) {
      yield `${path}:${lineAt(code, match.index)}: leftover ${match[0]}`;
    }
    if (!isTest(path)) {
      for (const match of code.matchAll(/\bexport\s*\*/g)) {
        yield `${path}:${lineAt(code, match.index)}: export * hides what the door shows; name the exports`;
      }
    }
  }
}

// Put together from halves so that this file does not report itself.
const LEFTOVERS = new RegExp(`\\b(?:${["TO" + "DO", "FIX" + "ME", "XX" + "X"].join("|")})\\b`, "g");
const MACHINE_PATHS = new RegExp(
  `(?<![\\w.\\])}~@:-])/(?:${["work(?![\\w-])", "home/[\\w.]", "root/[\\w.]", "Users/[\\w.]"].join("|")})`,
  "g",
);
const REGISTRY = /^\s*(?:@[^:=\s]+:)?registry\s*=/m;
const LOCK_FILES = /(?:^|\/)(?:package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml)$/;

/** What ties the tree to one machine or one moment. */
export function* textProblems(tree: Tree): Generator<string> {
  for (const path of tree.paths) {
    const text = tree.text(path);
    if (LOCK_FILES.test(path)) {
      const host = /"?resolved"?:?\s+"?\w*\+?https?:\/\/[^/"\s]+/.exec(text);
      if (host !== null)
        yield `${path}:${lineAt(text, host.index)}: names a host; omit-lockfile-registry-resolved keeps it out`;
      continue;
    }
    if (path.endsWith(".npmrc") && REGISTRY.test(text)) yield `${path}: names a registry`;
    for (const match of text.matchAll(MACHINE_PATHS)) {
      yield `${path}:${lineAt(text, match.index)}: absolute machine path ${match[0]}`;
    }
    if (path.endsWith(".md")) continue;
    for (const match of text.matchAll(LEFTOVERS)) {
      yield `${path}:${lineAt(text, match.index)}: leftover ${match[0]}`;
    }
  }
}
