import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { kinesis, type Operation, violations } from "../index.ts";
import { arbitraryOf, nearlyValidOf } from "./index.ts";

const operations: readonly Operation[] = Object.values(kinesis.operations);

describe.each(operations.map((operation) => [operation.name, operation] as const))("%s", (_, { input }) => {
  test("generated inputs break nothing", () => {
    fc.assert(
      fc.property(arbitraryOf(input), (value) => {
        expect(violations(input, value)).toEqual([]);
      }),
      { numRuns: 30 },
    );
  });

  test("nearly valid inputs break something", () => {
    const nearlyValid = nearlyValidOf(input);
    if (nearlyValid === undefined) {
      expect(Object.keys(input.members)).toEqual([]);
      return;
    }
    fc.assert(
      fc.property(nearlyValid, (value) => {
        expect(violations(input, value).length).toBeGreaterThan(0);
      }),
      { numRuns: 60 },
    );
  });
});
