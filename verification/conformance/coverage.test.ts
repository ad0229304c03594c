/** The suite looks at itself: every operation has its file, and every error of every contract has its case. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { cloudwatch, dynamodb, kinesis, sts } from "@millrace/api";
import { describe, expect, test } from "vitest";
import { recorded } from "./src/coverage.ts";
import { driverName } from "./src/drivers.ts";

const operations = Object.values(kinesis.operations);
const facts = recorded();

const kebabCase = (name: string): string => name.replaceAll(/(?<=[a-z])(?=[A-Z])/g, "-").toLowerCase();

describe.each([
  ["cloudwatch", cloudwatch],
  ["dynamodb", dynamodb],
  ["sts", sts],
] as const)("%s", (folder, { operations: others }) => {
  test.each(Object.keys(others))("%s has its file of cases", (name) => {
    const path = fileURLToPath(new URL(`${folder}/${kebabCase(name)}.test.ts`, import.meta.url));
    expect(existsSync(path)).toBe(true);
  });
});

describe.each(operations)("$name", ({ name, errors }) => {
  test("has its file of cases", () => {
    const path = fileURLToPath(new URL(`kinesis/${kebabCase(name)}.test.ts`, import.meta.url));
    expect(existsSync(path)).toBe(true);
  });

  // A run that was narrowed to some cases says nothing about the others; one elsewhere has no faults.
  const judged =
    process.env["ENDPOINT"] === undefined &&
    driverName === "javascript" &&
    facts.some((fact) => fact.kind === "whole" && fact.operation === name);
  if (judged) {
    test("answers every error of its contract in some case", () => {
      const seen = new Set(
        facts.flatMap((fact) => (fact.kind === "refused" && fact.operation === name ? [fact.code] : [])),
      );
      expect(errors.filter((code) => !seen.has(code))).toEqual([]);
    });
  }
});
