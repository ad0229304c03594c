import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, describe, expect, test } from "vitest";
import { bundledProgram, stampOf } from "./bundle.ts";

const directories: string[] = [];
afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true });
});

/** A package as the compiler leaves it, and a bundle that was made from it. */
function made({ notes = true } = {}): { bundle: URL; notesPath: string; builtAgain: (text: string) => void } {
  const directory = mkdtempSync(join(tmpdir(), "millrace-bundle-"));
  directories.push(directory);
  mkdirSync(join(directory, "bundle"));
  const bundle = pathToFileURL(`${join(directory, "bundle")}/`);
  const notesPath = join(directory, "tsconfig.tsbuildinfo");
  const builtAt = (text: string, seconds: number) => {
    writeFileSync(notesPath, text);
    utimesSync(notesPath, seconds, seconds);
  };
  builtAt("first", 1_000_000);
  const stamp = stampOf(pathToFileURL(notesPath));
  writeFileSync(new URL("built-from.json", bundle), JSON.stringify({ "../tsconfig.tsbuildinfo": stamp }));
  if (!notes) rmSync(notesPath);
  return { bundle, notesPath, builtAgain: (text) => builtAt(text, 1_000_001) };
}

describe("the bundled program", () => {
  test("is what runs as long as no package was built after it", () => {
    const { bundle, notesPath } = made();
    expect(bundledProgram(bundle)?.href).toBe(`${bundle.href}program.js`);
    // A copy may keep less of the time than the original had.
    utimesSync(notesPath, 1_000_000.75, 1_000_000.75);
    expect(bundledProgram(bundle)?.href).toBe(`${bundle.href}program.js`);
  });

  test("is passed over once a package was built again", () => {
    const { bundle, builtAgain } = made();
    builtAgain("other");
    expect(bundledProgram(bundle)).toBeUndefined();
  });

  test("is what runs where packages come without the compiler's notes", () => {
    const { bundle } = made({ notes: false });
    expect(bundledProgram(bundle)?.href).toBe(`${bundle.href}program.js`);
  });

  test("does not exist after the compiler alone", () => {
    expect(bundledProgram(pathToFileURL(`${join(tmpdir(), "no-bundle-here")}/`))).toBeUndefined();
  });
});
