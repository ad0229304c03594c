import { describe, expect, test } from "vitest";
import { call, newTable, refused } from "../src/side-clients.ts";

describe("ListTables", () => {
  test("lists names in order, page by page", async () => {
    const names = [await newTable(), await newTable(), await newTable()];
    const listed: string[] = [];
    let ExclusiveStartTableName: string | undefined;
    do {
      const page = await call("ListTables", { Limit: 1, ExclusiveStartTableName });
      listed.push(...(page.TableNames ?? []));
      ExclusiveStartTableName = page.LastEvaluatedTableName;
    } while (ExclusiveStartTableName !== undefined);
    expect(listed).toEqual(listed.toSorted());
    expect(listed).toEqual(expect.arrayContaining(names));
  });

  test("a page of none is refused", async () => {
    await refused(
      call("ListTables", { Limit: 0 }),
      "ValidationException",
      "1 validation error detected: Value '0' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1",
    );
  });
});
