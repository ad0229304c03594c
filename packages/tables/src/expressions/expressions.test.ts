import { ServiceError } from "@millrace/api";
import type { AttributeValue } from "@millrace/api";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { holds } from "./evaluate.ts";
import { expectedCondition, filterCondition } from "./legacy.ts";
import { Placeholders } from "./placeholders.ts";
import { project, readProjection } from "./projection.ts";
import { readCondition } from "./read-condition.ts";
import { readUpdate } from "./read-update.ts";
import { updatedItem } from "./update-item.ts";

const ITEM: Record<string, AttributeValue> = {
  leaseKey: { S: "shardId-000000000001" },
  leaseOwner: { S: "worker" },
  leaseCounter: { N: "10" },
  bytes: { B: Buffer.from([1, 2, 3]) },
  parents: { SS: ["a", "b"] },
  numbers: { NS: ["1", "2"] },
  list: { L: [{ N: "1" }, { S: "two" }, { M: { deep: { BOOL: true } } }] },
  map: { M: { inner: { S: "x" }, "with.dot": { N: "5" } } },
  nothing: { NULL: true },
};
const VALUES: Record<string, AttributeValue> = {
  ":ten": { N: "10" },
  ":two": { N: "2" },
  ":three": { N: "3" },
  ":worker": { S: "worker" },
  ":shard": { S: "shardId" },
  ":a": { S: "a" },
  ":x": { S: "x" },
  ":b2": { B: Buffer.from([2]) },
  ":set": { SS: ["b", "a"] },
  ":taken": { SS: ["a", "b"] },
  ":list": { L: [{ N: "9" }] },
  ":type": { S: "N" },
  ":true": { BOOL: true },
};
const NAMES = { "#dot": "with.dot", "#o": "leaseOwner" };

const placeholders = () =>
  new Placeholders({ ExpressionAttributeNames: NAMES, ExpressionAttributeValues: VALUES }, true);
const check = (text: string, item = ITEM) =>
  holds(readCondition("ConditionExpression", text, placeholders()), item);
const update = (text: string, item = ITEM) => updatedItem(item, readUpdate(text, placeholders()));
const faultOf = (read: () => unknown): string => {
  try {
    read();
  } catch (error) {
    if (error instanceof ServiceError && error.code === "ValidationException") return error.message;
    throw error;
  }
  throw new Error("was expected to be refused");
};

describe("conditions", () => {
  test.each([
    "leaseCounter = :ten",
    "leaseCounter <> :two",
    "leaseCounter > :two AND leaseCounter >= :ten",
    "leaseCounter BETWEEN :two AND :ten AND #o = :worker",
    "leaseOwner IN (:a, :worker)",
    "attribute_exists(map.inner) and not attribute_exists(map.other)",
    "attribute_not_exists(absent)",
    "attribute_type(leaseCounter, :type)",
    "begins_with(leaseKey, :shard)",
    "contains(parents, :a)",
    "contains(leaseOwner, :worker)",
    "contains(bytes, :b2)",
    "contains(numbers, :two)",
    "parents = :set",
    "size(parents) = :two",
    "size(bytes) = :three",
    "size(list) >= :three",
    "list[2].deep = :true",
    "map.#dot > :three",
    "absent <> :ten",
    "NOT absent = :ten",
    "(leaseCounter = :two OR leaseCounter = :ten) AND attribute_exists(leaseKey)",
    "leaseCounter = :two OR leaseCounter = :ten AND attribute_exists(leaseKey)",
  ])("%s holds", (text) => {
    expect(check(text)).toBe(true);
  });

  test.each([
    "leaseCounter = :worker",
    "leaseCounter < :worker",
    "absent = :ten",
    "absent < :ten",
    "absent BETWEEN :two AND :ten",
    "list[7] = :ten",
    "list.name = :ten",
    "leaseOwner[0] = :ten",
    "begins_with(leaseCounter, :shard)",
    "contains(leaseCounter, :ten)",
    "size(leaseCounter) = :two",
    "NOT leaseCounter = :ten",
    "leaseCounter = :ten AND leaseOwner = :a",
  ])("%s does not hold", (text) => {
    expect(check(text)).toBe(false);
  });

  test("AND binds stronger than OR, and NOT stronger than AND", () => {
    expect(check("leaseCounter = :ten OR absent = :ten AND absent = :ten")).toBe(true);
    expect(check("(leaseCounter = :ten OR absent = :ten) AND absent = :ten")).toBe(false);
    expect(check("NOT absent = :ten AND leaseCounter = :ten")).toBe(true);
  });

  test.each([
    ["", "Invalid ConditionExpression: The expression can not be empty;"],
    ["a =", 'Invalid ConditionExpression: Syntax error; token: "<EOF>", near: "="'],
    ["a = :ten b", 'Invalid ConditionExpression: Syntax error; token: "b", near: ":ten b"'],
    ["a ! :ten", 'Invalid ConditionExpression: Syntax error; token: "!", near: "a ! :ten"'],
    [
      "a = :absent",
      "Invalid ConditionExpression: An expression attribute value used in expression is not defined; attribute value: :absent",
    ],
    [
      "#absent = :ten",
      "Invalid ConditionExpression: An expression attribute name used in the document path is not defined; attribute name: #absent",
    ],
    ["foo(a)", "Invalid ConditionExpression: Invalid function name; function: foo"],
    [
      "begins_with(a, :ten)",
      "Invalid ConditionExpression: Incorrect operand type for operator or function; operator or function: begins_with, operand type: N",
    ],
  ])("%s is refused", (text, message) => {
    expect(faultOf(() => check(text))).toBe(message);
  });

  test("nesting has an end before the stack has", () => {
    expect(faultOf(() => check(`${"(".repeat(2_000)}a = :ten${")".repeat(2_000)}`))).toContain(
      "nested too deeply",
    );
    expect(faultOf(() => check(`${"NOT ".repeat(1_000)}a = :ten`))).toContain("nested too deeply");
  });

  test("any text is a condition or is refused, and never anything else", () => {
    const pieces = [
      "a",
      "#o",
      ":ten",
      "(",
      ")",
      "=",
      "<>",
      "<",
      "AND",
      "OR",
      "NOT",
      "IN",
      "BETWEEN",
      ",",
      ".",
      "[0]",
    ];
    const words = ["size(", "contains(", "attribute_exists(", "begins_with(", "$", "[", "1", " "];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...pieces, ...words), { maxLength: 12 }), (parts) => {
        const text = parts.join(" ");
        try {
          expect(typeof check(text)).toBe("boolean");
        } catch (error) {
          if (!(error instanceof ServiceError)) throw error;
          expect(error.code).toBe("ValidationException");
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("legacy conditions", () => {
  const N = (text: string) => ({ N: text });
  test.each([
    ["EQ", [N("10")], true],
    ["NE", [N("10")], false],
    ["IN", [N("1"), N("10")], true],
    ["LT", [N("11")], true],
    ["GE", [N("11")], false],
    ["BETWEEN", [N("9"), N("11")], true],
    ["NOT_NULL", [], true],
    ["NULL", [], false],
  ] as const)("%s", (ComparisonOperator, AttributeValueList, expected) => {
    const condition = filterCondition(
      { leaseCounter: { ComparisonOperator, AttributeValueList } },
      undefined,
    )!;
    expect(holds(condition, ITEM)).toBe(expected);
  });

  test("say the same as the expressions that replaced them", () => {
    const numbers = fc.integer({ min: 0, max: 20 }).map((number) => ({ N: String(number) }));
    const pairs = [
      ["EQ", "="],
      ["NE", "<>"],
      ["LT", "<"],
      ["LE", "<="],
      ["GT", ">"],
      ["GE", ">="],
    ] as const;
    fc.assert(
      fc.property(
        fc.constantFrom(...pairs),
        numbers,
        fc.constantFrom("leaseCounter", "absent"),
        ([legacy, sign], value, name) => {
          const old = filterCondition(
            { [name]: { ComparisonOperator: legacy, AttributeValueList: [value] } },
            undefined,
          )!;
          const given = new Placeholders({ ExpressionAttributeValues: { ":v": value } }, true);
          expect(holds(old, ITEM)).toBe(
            holds(readCondition("FilterExpression", `${name} ${sign} :v`, given), ITEM),
          );
        },
      ),
    );
  });

  test("an expectation is a value, or that there is none", () => {
    const expected = (expectation: object) =>
      holds(expectedCondition(expectation as never, undefined)!, ITEM);
    expect(expected({ leaseCounter: { Value: N("10.0") } })).toBe(true);
    expect(expected({ leaseCounter: { Value: N("11") } })).toBe(false);
    expect(expected({ absent: { Exists: false } })).toBe(true);
    expect(expected({ leaseCounter: { Exists: false } })).toBe(false);
    expect(expected({ leaseCounter: { Value: N("10") }, absent: { Exists: false } })).toBe(true);
    expect(faultOf(() => expected({ leaseCounter: { Exists: true } }))).toContain("Value must be provided");
  });

  test("are joined by AND unless OR is asked for", () => {
    const filter = {
      leaseCounter: { ComparisonOperator: "EQ", AttributeValueList: [N("10")] },
      leaseOwner: { ComparisonOperator: "NULL" },
    };
    expect(holds(filterCondition(filter, undefined)!, ITEM)).toBe(false);
    expect(holds(filterCondition(filter, "OR")!, ITEM)).toBe(true);
  });
});

describe("updates", () => {
  test("count, from what was there before", () => {
    const item = update("SET leaseCounter = leaseCounter + :two, copy = leaseCounter - :three");
    expect(item["leaseCounter"]).toEqual({ N: "12" });
    expect(item["copy"]).toEqual({ N: "7" });
    expect(ITEM["leaseCounter"]).toEqual({ N: "10" });
  });

  test("set what is not there yet, and append to lists", () => {
    const item = update(
      "SET leaseOwner = if_not_exists(leaseOwner, :a), other = if_not_exists(other, :a), list = list_append(:list, list)",
    );
    expect(item).toMatchObject({ leaseOwner: { S: "worker" }, other: { S: "a" } });
    expect(item["list"]?.L).toHaveLength(4);
    expect(item["list"]?.L?.[0]).toEqual({ N: "9" });
  });

  test("reach into maps and lists, and leave the rest alone", () => {
    const item = update("SET map.inner = :a, map.#dot = :ten, list[9] = :x REMOVE list[0]");
    expect(item["map"]).toEqual({ M: { inner: { S: "a" }, "with.dot": { N: "10" } } });
    expect(item["list"]?.L).toEqual([{ S: "two" }, { M: { deep: { BOOL: true } } }, { S: "x" }]);
    expect(ITEM["list"]?.L).toHaveLength(3);
  });

  test("add to numbers and sets, and delete from sets", () => {
    const item = update("ADD leaseCounter :two, fresh :ten, parents :set DELETE parents2 :taken");
    expect(item).toMatchObject({
      leaseCounter: { N: "12" },
      fresh: { N: "10" },
      parents: { SS: ["a", "b"] },
    });
    expect(update("DELETE parents :taken")).not.toHaveProperty("parents");
  });

  test("remove elements by the indexes they had", () => {
    expect(update("REMOVE list[0], list[1], leaseOwner")["list"]?.L).toEqual([
      { M: { deep: { BOOL: true } } },
    ]);
  });

  test.each([
    ["SET a = b", "The provided expression refers to an attribute that does not exist in the item"],
    ["SET leaseOwner = leaseOwner + :two", "An operand in the update expression has an incorrect data type"],
    ["SET absent.inner = :a", "The document path provided in the update expression is invalid for update"],
    [
      "SET a = :a SET b = :a",
      'Invalid UpdateExpression: The "SET" section can only be used once in an update expression;',
    ],
    [
      "SET map = :a REMOVE map.inner",
      "Invalid UpdateExpression: Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [map], path two: [map, inner]",
    ],
    [
      "SET map.inner = :a REMOVE map",
      "Invalid UpdateExpression: Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [map, inner], path two: [map]",
    ],
    [
      "ADD leaseOwner :a",
      "Invalid UpdateExpression: Incorrect operand type for operator or function; operator: ADD, operand type: STRING",
    ],
    ["SET", 'Invalid UpdateExpression: Syntax error; token: "<EOF>", near: "SET"'],
  ])("%s is refused", (text, message) => {
    expect(faultOf(() => update(text))).toBe(message);
  });

  test("any text is an update or is refused, and the item before it stays as it was", () => {
    const pieces = [
      "SET",
      "REMOVE",
      "ADD",
      "DELETE",
      "map.inner",
      "list[0]",
      "list",
      "leaseCounter",
      "=",
      "+",
      ",",
      ":two",
      ":set",
      "if_not_exists(",
      "list_append(",
      ")",
    ];
    const before = JSON.stringify(ITEM);
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 10 }), (parts) => {
        try {
          update(parts.join(" "));
        } catch (error) {
          if (!(error instanceof ServiceError)) throw error;
        }
        expect(JSON.stringify(ITEM)).toBe(before);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("projections", () => {
  test("keep what they name, inside of as much as it needs", () => {
    const paths = readProjection(
      "leaseKey, map.inner, list[2].deep, list[0], absent.more",
      new Placeholders({}, true),
    );
    expect(project(ITEM, paths)).toEqual({
      leaseKey: ITEM["leaseKey"],
      map: { M: { inner: { S: "x" } } },
      list: { L: [{ N: "1" }, { M: { deep: { BOOL: true } } }] },
    });
  });

  test("keep the whole of what is named beside its part", () => {
    const paths = readProjection("map, map.inner", new Placeholders({}, true));
    expect(project(ITEM, paths)).toEqual({ map: ITEM["map"] });
  });
});

test("placeholders that no expression uses are refused", () => {
  const given = placeholders();
  readCondition("ConditionExpression", "#o = :a", given);
  expect(faultOf(() => given.refuseUnused())).toMatch(
    /^Value provided in ExpressionAttributeNames unused in expressions: keys: \{#dot\}/,
  );
  expect(faultOf(() => new Placeholders({ ExpressionAttributeNames: { "#a": "a" } }, false))).toBe(
    "ExpressionAttributeNames can only be specified when using expressions",
  );
});
