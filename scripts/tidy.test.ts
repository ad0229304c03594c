import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test } from "vitest";
import { readSource } from "./tidy/source-text.ts";
import { tidy } from "./tidy.ts";

const made: string[] = [];
afterEach(() => {
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true });
});

type Files = Readonly<Record<string, string>>;

/** Problems of a small made-up repository: a tidy one, with `files` laid over it. */
function problemsOf(files: Files): string[] {
  const root = mkdtempSync(join(tmpdir(), "tidy-"));
  made.push(root);
  for (const [path, text] of Object.entries({ ...tidyTree(), ...files })) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  execFileSync("git", ["init", "--quiet"], { cwd: root });
  return tidy(root);
}

function tidyTree(): Record<string, string> {
  return {
    "layers.json": '{ "low": 0, "middle": 1, "peer": 1 }',
    ".gitignore": "dist/\n",
    ...packageFiles("low", []),
    ...packageFiles("middle", ["low"]),
    ...packageFiles("peer", ["low"]),
    "packages/middle/src/index.ts": 'export { nextOf } from "./next.ts";\n',
    "packages/middle/src/next.ts":
      'import { one } from "@millrace/low";\nexport const nextOf = (n: number) => n + one;\n',
  };
}

function packageFiles(folder: string, dependencies: readonly string[]): Record<string, string> {
  return {
    [`packages/${folder}/package.json`]: JSON.stringify({
      name: `@millrace/${folder}`,
      version: "0.1.0",
      dependencies: Object.fromEntries(dependencies.map((name) => [`@millrace/${name}`, "0.1.0"])),
    }),
    [`packages/${folder}/tsconfig.json`]: JSON.stringify({
      references: dependencies.map((name) => ({ path: `../${name}` })),
    }),
    [`packages/${folder}/src/index.ts`]: "export const one = 1;\n",
  };
}

test("this repository is tidy", () => {
  expect(tidy(join(dirname(fileURLToPath(import.meta.url)), ".."))).toEqual([]);
});

describe("layers", () => {
  test("a tidy tree has no problems", () => {
    expect(problemsOf({})).toEqual([]);
  });

  test.each<{ rule: string; files: Files; problem: RegExp }>([
    {
      rule: "a package must not depend on a sibling",
      files: {
        ...packageFiles("middle", ["low", "peer"]),
        "packages/middle/src/index.ts": 'export { nextOf } from "./next.ts";\n',
      },
      problem: /^packages\/middle\/package.json: layer 1 must not depend on @millrace\/peer of layer 1/,
    },
    {
      rule: "a package must not depend upwards",
      files: packageFiles("low", ["middle"]),
      problem: /^packages\/low\/package.json: layer 0 must not depend on @millrace\/middle of layer 1/,
    },
    {
      rule: "an import must be declared",
      files: {
        "packages/middle/src/index.ts": 'import "@millrace/peer";\nexport { nextOf } from "./next.ts";\n',
      },
      problem: /^packages\/middle\/src\/index.ts:1: imports @millrace\/peer, which .* does not declare/,
    },
    {
      rule: "a published package declares what it imports from npm",
      files: { "packages/low/src/index.ts": 'import fc from "fast-check";\nexport const one = fc;\n' },
      problem: /^packages\/low\/src\/index.ts:1: imports fast-check, which .* does not declare/,
    },
    {
      rule: "an import goes through the front door",
      files: {
        "packages/middle/src/index.ts":
          'export { one } from "@millrace/low/src/one.ts";\nimport "./next.ts";\n',
      },
      problem: /deep import @millrace\/low\/src\/one\.ts/,
    },
    {
      rule: "a path must not leave its package",
      files: {
        "packages/middle/src/index.ts":
          'export { one } from "../../low/src/index.ts";\nimport "./next.ts";\n',
      },
      problem: /reaches out of its package/,
    },
    {
      rule: "references equal dependencies",
      files: { "packages/middle/tsconfig.json": '{ "references": [] }' },
      problem: /^packages\/middle\/tsconfig.json: references \[\] differ from the dependencies \[low\]/,
    },
    {
      rule: "every package has a layer",
      files: packageFiles("stray", []),
      problem: /^packages\/stray: has no layer/,
    },
    {
      rule: "every layer has a package",
      files: { "layers.json": '{ "low": 0, "middle": 1, "peer": 1, "ghost": 2 }' },
      problem: /^layers.json: names ghost/,
    },
    {
      rule: "all packages share one version",
      files: {
        "packages/peer/package.json": '{ "name": "@millrace/peer", "version": "0.2.0" }',
        "packages/peer/tsconfig.json": "{}",
      },
      problem: /all packages share one version, found 0.1.0, 0.2.0/,
    },
    {
      rule: "a private workspace declares what it imports",
      files: {
        "verification/simulation/package.json": '{ "name": "@millrace/verification-simulation" }',
        "verification/simulation/run.ts": 'import { one } from "@millrace/low";\nvoid one;\n',
      },
      problem: /^verification\/simulation\/run.ts:1: imports @millrace\/low/,
    },
  ])("$rule", ({ files, problem }) => {
    expect(problemsOf(files)).toEqual([expect.stringMatching(problem)]);
  });
});

test("a dependency that docs/dependencies.md does not explain is reported", () => {
  const manifest = { "package.json": '{ "devDependencies": { "left-pad": "1.0.0" } }' };
  expect(problemsOf(manifest)).toEqual(["package.json: docs/dependencies.md does not explain left-pad"]);
  expect(problemsOf({ ...manifest, "docs/dependencies.md": "| `left-pad` | why |\n" })).toEqual([]);
});

test("a door for tests is open to tests only", () => {
  const low = JSON.parse(tidyTree()["packages/low/package.json"] ?? "") as object;
  const files = {
    "packages/low/package.json": JSON.stringify({ ...low, exports: { ".": {}, "./testing": {} } }),
    "packages/middle/src/next.test.ts": 'import { one } from "@millrace/low/testing";\nvoid one;\n',
  };
  expect(problemsOf(files)).toEqual([]);
  expect(
    problemsOf({
      ...files,
      "packages/middle/src/index.ts": 'import "@millrace/low/testing";\nimport "./next.ts";\n',
    }),
  ).toEqual([expect.stringContaining("deep import @millrace/low/testing")]);
});

describe("the outside", () => {
  test.each([
    'import { readFileSync } from "node:fs";',
    'import { readFile } from "node:fs/promises";',
    'import net from "node:net";',
    'import { isIP, connect } from "node:net";',
    'import type { Server } from "node:http2";',
    'const worker = await import("node:worker_threads");',
    "export const now = Date.now();",
    "export const now = () => new Date().toISOString();",
    "export const now = new Date;",
    "export const dice = Math.random();",
    "setTimeout(() => {}, 5);",
    "export const wait = setImmediate;",
    "export const now = performance.now();",
    "export const now = process.hrtime.bigint();",
    "export const text = `${Math.random()} of text`;",
    'import { randomUUID } from "node:crypto";',
  ])("a package of the middle must not say: %s", (line) => {
    expect(problemsOf({ "packages/low/src/index.ts": `${line}\n` })).toEqual([
      expect.stringMatching(/^packages\/low\/src\/index.ts:1: (?:imports|uses) .*handed in as a value/),
    ]);
  });

  test.each([
    "// Date.now() and Math.random() are what we do without.",
    "/** Not setTimeout( */",
    'export const text = "Date.now()";',
    "export const text = `setTimeout(1)`;",
    "export const at = new Date(milliseconds).toISOString();",
    "clock.setTimeout(5);",
    'import { createHash } from "node:crypto";',
    'import { isIP, isIPv4 } from "node:net";',
    "export const pattern = /Math.random/;",
  ])("a package of the middle may say: %s", (line) => {
    expect(problemsOf({ "packages/low/src/index.ts": `${line}\n` })).toEqual([]);
  });

  test("tests and the named edges may touch the real things", () => {
    const edges = { runtime: 0, cli: 8 };
    expect(
      problemsOf({
        "layers.json": JSON.stringify({ low: 0, middle: 1, peer: 1, ...edges }),
        ...packageFiles("runtime", []),
        ...packageFiles("cli", []),
        "packages/runtime/src/index.ts": "export const now = Date.now();\n",
        "packages/cli/src/index.ts": 'import "node:fs";\n',
        "packages/low/src/index.test.ts": "setTimeout(() => {}, 1);\n",
      }),
    ).toEqual([]);
  });
});

describe("operations", () => {
  const kinesis = {
    "layers.json": '{ "low": 0, "middle": 1, "peer": 1, "api": 2, "streams": 3 }',
    ...packageFiles("api", []),
    ...packageFiles("streams", []),
    "packages/api/src/index.ts": 'import "./kinesis/put-record.ts";\nimport "./kinesis/shapes.ts";\n',
    "packages/api/src/kinesis/put-record.ts": "export const PutRecord = operation({});\n",
    "packages/api/src/kinesis/shapes.ts": "export const Data = blob();\n",
    "packages/streams/src/index.ts": 'import "./operations/put-record.ts";\n',
    "packages/streams/src/operations/put-record.ts": "export const putRecord = 1;\n",
    "verification/conformance/kinesis/put-record.test.ts": "",
  };

  test("an operation with contract, handler and conformance test is whole", () => {
    expect(problemsOf(kinesis)).toEqual([]);
  });

  test("an operation without handler or conformance test is reported", () => {
    const { "packages/streams/src/operations/put-record.ts": handler, ...withoutHandler } = kinesis;
    expect(handler).toBeDefined();
    expect(problemsOf({ ...withoutHandler, "packages/streams/src/index.ts": "" })).toEqual([
      "packages/api/src/kinesis/put-record.ts: has no handler packages/streams/src/operations/put-record.ts",
    ]);
    const { "verification/conformance/kinesis/put-record.test.ts": test, ...withoutTest } = kinesis;
    expect(test).toBeDefined();
    expect(problemsOf(withoutTest)).toEqual([
      "packages/api/src/kinesis/put-record.ts: has no conformance test verification/conformance/kinesis/put-record.test.ts",
    ]);
  });

  test("a handler without a contract is reported", () => {
    expect(
      problemsOf({
        ...kinesis,
        "packages/streams/src/index.ts":
          'import "./operations/put-record.ts";\nimport "./operations/put-all.ts";\n',
        "packages/streams/src/operations/put-all.ts": "",
      }),
    ).toEqual([expect.stringMatching(/^packages\/streams\/src\/operations\/put-all.ts: is no operation/)]);
  });
});

describe("files", () => {
  test("a file that nobody imports is reported", () => {
    expect(problemsOf({ "packages/low/src/dead.ts": 'import "./dead.ts";\n' })).toEqual([
      "packages/low/src/dead.ts: nobody imports it",
    ]);
  });

  test("entries, benches, what tests import and workers by URL are alive", () => {
    expect(
      problemsOf({
        "packages/low/src/main.ts": 'new URL("./worker.js", import.meta.url);\n',
        "packages/low/src/worker.ts": "",
        "packages/low/src/speed.bench.ts": "",
        "packages/low/src/suite.contract.ts": "",
        "packages/low/src/suite.test.ts": 'import "./suite.contract.ts";\n',
      }),
    ).toEqual([]);
  });

  test("more than 500 lines are reported", () => {
    expect(problemsOf({ "packages/low/src/index.ts": "void 0;\n".repeat(501) })).toEqual([
      expect.stringContaining("has 501 lines"),
    ]);
    expect(problemsOf({ "packages/low/src/index.ts": "void 0;\n".repeat(500) })).toEqual([]);
  });

  test.each(["// TO" + "DO: later", "/* FIX" + "ME */"])("a leftover note is reported: %s", (line) => {
    expect(problemsOf({ "scripts/some.ts": `${line}\n` })).toEqual([
      expect.stringContaining("scripts/some.ts:1: leftover"),
    ]);
  });

  test.each([
    "test.only('a', () => {});",
    "describe.skip('a', () => {});",
    "it.concurrent.only('a', () => {});",
  ])("a narrowed test run is reported: %s", (line) => {
    expect(problemsOf({ "packages/low/src/a.test.ts": `${line}\n` })).toEqual([
      expect.stringContaining("packages/low/src/a.test.ts:1: leftover"),
    ]);
  });

  test("export * is reported", () => {
    expect(problemsOf({ "packages/middle/src/index.ts": 'export * from "./next.ts";\n' })).toEqual([
      expect.stringContaining("packages/middle/src/index.ts:1: export *"),
    ]);
  });

  test("hosts in lock files and registries are reported", () => {
    expect(
      problemsOf({ "package-lock.json": '{ "a": { "resolved": "https://registry.example/a.tgz" } }' }),
    ).toEqual([expect.stringMatching(/^package-lock.json:1: names a host/)]);
    expect(
      problemsOf({ "package-lock.json": '{ "a": { "resolved": "packages/low", "link": true } }' }),
    ).toEqual([]);
    expect(problemsOf({ ".npmrc": "registry=https://registry.example/\n" })).toEqual([
      ".npmrc: names a registry",
    ]);
  });

  test.each(["/ho" + "me/somebody/x", "cd /wo" + "rk/main", "/Us" + "ers/me", "`/ro" + "ot/.npm`"])(
    "an absolute machine path is reported: %s",
    (text) => {
      expect(problemsOf({ "docs/page.md": text })).toEqual([
        expect.stringContaining("absolute machine path"),
      ]);
    },
  );

  test.each([
    "https://example.com/ho" + "me/page",
    "packages/wo" + "rk/x",
    "a/ro" + "ot/b",
    "/wo" + "rkers/main",
  ])("a path that only looks like one is not reported: %s", (text) => {
    expect(problemsOf({ "docs/page.md": text })).toEqual([]);
  });

  test("ignored files are not looked at", () => {
    expect(problemsOf({ "packages/low/src/dist/dead.ts": "// TO" + "DO" })).toEqual([]);
  });
});

describe("reading sources", () => {
  test("strings, templates, regular expressions and comments are told from code", () => {
    const { code, codeAndStrings } = readSource(
      'a("b"); // c\nconst t = `d ${e({ f: "g" })} h`; const r = /i"[/]/; j /* k */ / l / "m";',
    );
    expect(code.replaceAll(/\s+/g, " ")).toBe(
      'a(" "); const t = ` ${e({ f: " " })} `; const r = / /; j / l / " ";',
    );
    expect(codeAndStrings).toContain('a("b");');
    expect(codeAndStrings).not.toContain("k */");
  });
});
