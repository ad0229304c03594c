import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Script } from "node:vm";
import { afterEach, describe, expect, test } from "vitest";
import { traceToSources } from "./trace-to-sources.ts";

const ended: (() => void)[] = [];
afterEach(() => {
  for (const end of ended.splice(0).reverse()) end();
});

/** `fail()` as if from a built file, whose first line was the seventh of `sources/origin.ts`. */
function built({ map = true } = {}): { fail: () => Error; href: string } {
  const directory = mkdtempSync(join(tmpdir(), "millrace-trace-"));
  ended.push(() => rmSync(directory, { recursive: true }));
  const path = join(directory, "built.js");
  // Line 7, column 3 (from 0: 6 and 2), for all of the built line.
  const content = { version: 3, sources: ["sources/origin.ts"], names: [], mappings: "AAME" };
  if (map) writeFileSync(`${path}.map`, JSON.stringify(content));
  const { href } = pathToFileURL(path);
  const script = new Script("(function fail() { return new Error('no'); })", { filename: href });
  return { fail: script.runInThisContext() as () => Error, href };
}

function tracing(): void {
  const before = Error.prepareStackTrace;
  ended.push(() => {
    if (before === undefined) Reflect.deleteProperty(Error, "prepareStackTrace");
    else Error.prepareStackTrace = before;
  });
  traceToSources();
}

describe("a stack trace", () => {
  test("names the source, its line and column, and keeps the function's name", () => {
    const { fail, href } = built();
    tracing();
    const { stack = "" } = fail();
    const source = new URL("sources/origin.ts", href).href;
    expect(stack.split("\n").slice(0, 2)).toEqual(["Error: no", `    at fail (${source}:7:3)`]);
  });

  test("stays as it is where there is no map", () => {
    const { fail, href } = built({ map: false });
    tracing();
    expect(fail().stack).toContain(`at fail (${href}:1:27)`);
  });

  test("is told also of an error whose text cannot be made", () => {
    const { fail } = built();
    tracing();
    const error = fail();
    Object.defineProperty(error, "message", {
      get() {
        throw new Error("unreadable");
      },
    });
    expect(error.stack).toMatch(/^Error\n {4}at fail \(/);
  });
});
