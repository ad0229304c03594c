import {
  blob,
  boolean,
  integer,
  list,
  long,
  map,
  optional,
  string,
  structure,
  timestamp,
} from "@millrace/api";
import type { Shape } from "@millrace/api";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkJson, decodeJson, SerializationFault } from "../index.ts";

const Inner = structure({ Name: optional(string()) });
const Everything = structure({
  String: optional(string()),
  Blob: optional(blob()),
  Integer: optional(integer()),
  Long: optional(long()),
  Boolean: optional(boolean()),
  Timestamp: optional(timestamp()),
  List: optional(list(string())),
  Map: optional(map(string(), string())),
  Structure: optional(Inner),
  Structures: optional(list(Inner)),
});

function decode(text: string, shape: Shape = Everything): unknown {
  return decodeJson(Buffer.from(text), shape);
}

function faultOf(text: string | Uint8Array): { message: string; malformed: boolean } {
  try {
    decodeJson(Buffer.from(text as string), Everything);
  } catch (error) {
    if (error instanceof SerializationFault) {
      return { message: error.message, malformed: error.malformed };
    }
    throw error;
  }
  throw new Error("nothing was thrown");
}

const number = "class com.amazon.coral.value.json.numbers.TruncatingBigNumber";
const listText = "Start of list found where not expected";
const mapText = "Start of structure or map found where not expected.";

/** Recorded by kinesalite's `assertType` against the service. */
const recorded: readonly (readonly [member: string, json: string, message: string])[] = [
  ["Boolean", '"23"', "'23' can not be converted to an Boolean"],
  ["Boolean", '"hellowtf"', "'HELLOWTF' can not be converted to an Boolean"],
  ["Boolean", "23", `${number} can not be converted to an Boolean`],
  ["Boolean", "2147483648", `${number} can not be converted to an Boolean`],
  ["Boolean", "[]", listText],
  ["Boolean", "{}", mapText],
  ["String", "true", "class java.lang.Boolean can not be converted to an String"],
  ["String", "23", `${number} can not be converted to an String`],
  ["String", "34.56", `${number} can not be converted to an String`],
  ["String", "[]", listText],
  ["String", "{}", mapText],
  ["Integer", '"23"', "class java.lang.String can not be converted to an Integer"],
  ["Integer", "true", "class java.lang.Boolean can not be converted to an Integer"],
  ["Integer", "[]", listText],
  ["Integer", "{}", mapText],
  ["Long", '"23"', "class java.lang.String can not be converted to an Long"],
  ["Long", "true", "class java.lang.Boolean can not be converted to an Long"],
  ["Long", "[]", listText],
  ["Long", "{}", mapText],
  ["Blob", "true", "class java.lang.Boolean can not be converted to a Blob"],
  ["Blob", "23", `${number} can not be converted to a Blob`],
  ["Blob", "[]", listText],
  ["Blob", "{}", mapText],
  [
    "Blob",
    '"23456"',
    "'23456' can not be converted to a Blob: Base64 encoded length is expected a multiple of 4 bytes but found: 5",
  ],
  ["Blob", '"=+/="', "'=+/=' can not be converted to a Blob: Invalid Base64 character: '='"],
  [
    "Blob",
    '"+/+="',
    "'+/+=' can not be converted to a Blob: Invalid last non-pad Base64 character dectected",
  ],
  ["Timestamp", '"23"', "class java.lang.String can not be converted to milliseconds since epoch"],
  ["Timestamp", "true", "class java.lang.Boolean can not be converted to milliseconds since epoch"],
  ["Timestamp", "[]", listText],
  ["Timestamp", "{}", mapText],
  ["List", '"23"', "Expected list or null"],
  ["List", "true", "Expected list or null"],
  ["List", "34.56", "Expected list or null"],
  ["List", "{}", mapText],
  ["Map", '"23"', "Expected map or null"],
  ["Map", "true", "Expected map or null"],
  ["Map", "23", "Expected map or null"],
  ["Map", "[]", listText],
  ["Structure", '"23"', "Expected null"],
  ["Structure", "true", "Expected null"],
  ["Structure", "-2147483648", "Expected null"],
  ["Structure", "[]", listText],
];

describe("values of the wrong type", () => {
  test.each(recorded)("%s refuses %s in the words of the service", (member, json, message) => {
    expect(faultOf(`{"${member}":${json}}`)).toEqual({ message, malformed: false });
  });

  test("a wrong type inside lists and maps is found too", () => {
    expect(faultOf('{"List":["a",5]}').message).toBe(`${number} can not be converted to an String`);
    expect(faultOf('{"Map":{"a":[]}}').message).toBe(listText);
    expect(faultOf('{"Structures":["a"]}').message).toBe("Expected null");
  });

  test("null in a list or a map has no place and no text", () => {
    expect(faultOf('{"List":[null]}')).toEqual({ message: "", malformed: false });
    expect(faultOf('{"Map":{"a":null}}')).toEqual({ message: "", malformed: false });
  });

  test("a body that is no JSON is told as such even behind a wrong type", () => {
    expect(faultOf('{"String":5,"Other":')).toEqual({ message: "", malformed: true });
    expect(faultOf('{"String":5} x')).toEqual({ message: "", malformed: true });
  });

  test("a top-level list is of the wrong type, a scalar is no document", () => {
    expect(faultOf("[]")).toEqual({ message: listText, malformed: false });
    for (const scalar of ["true", "null", "5", '"{}"']) {
      expect(faultOf(scalar)).toEqual({ message: "", malformed: true });
    }
  });
});

describe("values", () => {
  test("every kind is decoded", () => {
    const text = `{ "String" : "a\\u00e9\\n", "Blob":"AAEC","Integer":-7,"Long":9007199254740991,
      "Boolean":true,"Timestamp":1795184401.066303,"List":["x","y"],"Map":{"__proto__":"k"},
      "Structure":{"Name":"n"},"Structures":[{},{"Name":"m"}]}`;
    expect(decode(text)).toEqual({
      String: "aé\n",
      Blob: Buffer.from([0, 1, 2]),
      Integer: -7,
      Long: 9_007_199_254_740_991,
      Boolean: true,
      Timestamp: 1_795_184_401_066.303,
      List: ["x", "y"],
      Map: Object.assign(Object.create(null), { ["__proto__"]: "k" }),
      Structure: { Name: "n" },
      Structures: [{}, { Name: "m" }],
    });
  });

  test("a map has no prototype and keeps any key", () => {
    const { Map } = decode('{"Map":{"__proto__":"a","constructor":"b"}}') as {
      Map: Record<string, string>;
    };
    expect(Object.getPrototypeOf(Map)).toBeNull();
    expect(Object.entries(Map)).toEqual([
      ["__proto__", "a"],
      ["constructor", "b"],
    ]);
  });

  test("unknown members are dropped, whatever they hold", () => {
    expect(
      decode('{"x":{"a":[1,{"b":null}],"c":"\\ud83d"},"toString":1,"__proto__":{},"String":"s"}'),
    ).toEqual({ String: "s" });
  });

  test("null is absence, and the last of several members of one name decides", () => {
    expect(decode('{"String":null}')).toEqual({});
    expect(decode('{"String":"a","String":"b"}')).toEqual({ String: "b" });
    expect(decode('{"String":"a","String":null}')).toEqual({});
  });

  test.each([
    ["1.9", 1],
    ["-1.9", -1],
    ["1e3", 1000],
    ["-0", 0],
    ["2147483648", 2_147_483_647],
    ["-2147483649", -2_147_483_648],
    ["1e400", 2_147_483_647],
  ])("an integer given as %s is %i", (json, expected) => {
    expect(decode(`{"Integer":${json}}`)).toEqual({ Integer: expected });
  });

  test.each([
    ["0", 0],
    ["1.001", 1001],
    ["-1.5", -1500],
    ["1E9", 1_000_000_000_000],
    ["118283303199.253", 118_283_303_199_253],
    ["1e300", 253_402_300_799_999],
    ["-1e999", -62_135_596_800_000],
  ])("a timestamp of %s seconds is %d ms", (json, expected) => {
    expect(decode(`{"Timestamp":${json}}`)).toEqual({ Timestamp: expected });
  });

  test.each([
    ["true", true],
    ["NO", false],
    ["Yes", true],
    ["0", false],
  ])("the word %s is a boolean", (word, expected) => {
    expect(decode(`{"Boolean":"${word}"}`)).toEqual({ Boolean: expected });
  });

  test("a lone surrogate becomes the replacement character, a pair stays", () => {
    expect(decode('{"String":"a\\ud800b"}')).toEqual({ String: "a\ufffdb" });
    expect(decode('{"String":"\\ud83d\\ude00"}')).toEqual({ String: "😀" });
  });

  test("a member's name may be escaped", () => {
    expect(decode('{"\\u0053tring":"a"}')).toEqual({ String: "a" });
  });
});

describe("base64", () => {
  test("slashes may be escaped, as some encoders do", () => {
    expect(decode('{"Blob":"\\/\\/8="}')).toEqual({ Blob: Buffer.from([0xff, 0xff]) });
  });

  test("an empty text is an empty blob", () => {
    expect(decode('{"Blob":""}')).toEqual({ Blob: Buffer.alloc(0) });
  });

  test.each([
    ["AAA\\n", "Invalid Base64 character: '\n'"],
    ["AA A", "Invalid Base64 character: ' '"],
    ["-_-_", "Invalid Base64 character: '-'"],
    ["====", "Invalid Base64 character: '='"],
    ["A===", "Invalid Base64 character: '='"],
    ["AA==AAAA", "Invalid Base64 character: '='"],
    ["AB==", "Invalid last non-pad Base64 character dectected"],
    ["AAB=", "Invalid last non-pad Base64 character dectected"],
    ["AAA", "Base64 encoded length is expected a multiple of 4 bytes but found: 3"],
    ["ééé=", "Invalid Base64 character: 'é'"],
  ])("%s is refused", (json, reason) => {
    const text = JSON.parse(`"${json}"`) as string;
    expect(faultOf(`{"Blob":"${json}"}`)).toEqual({
      message: `'${text}' can not be converted to a Blob: ${reason}`,
      malformed: false,
    });
  });

  test("canonical base64 of any bytes gives the bytes, and nothing else is canonical", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const text = Buffer.from(bytes).toString("base64");
        expect(decode(`{"Blob":"${text}"}`)).toEqual({ Blob: Buffer.from(bytes) });
      }),
    );
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."ABab01+/=-_ \u00e9"), maxLength: 12 }), (text) => {
        const canonical = Buffer.from(text, "base64").toString("base64") === text;
        const accepted = (() => {
          try {
            decode(`{"Blob":"${text}"}`);
            return true;
          } catch {
            return false;
          }
        })();
        expect(accepted).toBe(canonical);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("well-formedness", () => {
  const nested = (depth: number) => `{"x":${"[".repeat(depth)}${"]".repeat(depth)}}`;

  test("nesting is bounded in what no shape describes", () => {
    expect(decode(nested(150))).toEqual({});
    expect(faultOf(nested(1000))).toEqual({ message: "", malformed: true });
    expect(faultOf(`{"x":${"[".repeat(1_000_000)}`)).toEqual({ message: "", malformed: true });
  });

  test("the number of values is bounded", () => {
    expect(faultOf(`{"List":[${'"",'.repeat(100_000)}""]}`)).toEqual({
      message: "",
      malformed: true,
    });
  });

  test("a string of nothing but escapes takes linear time", () => {
    const text = `{"x":"${"\\\\".repeat(2_000_000)}"}`;
    expect(decode(text)).toEqual({});
  });

  test("bytes that are not UTF-8 are no document", () => {
    expect(faultOf(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])).malformed).toBe(true);
  });

  test("exactly what JSON.parse takes for an object or list is a document", () => {
    const plainFragments =
      '" "" "a\\ \\" { } [ ] , : 1 - 0 . e E + true false null nul "a": "x":1 \\u00 \\ud800 é 12e3 01';
    const fragment = fc.constantFrom(
      ...plainFragments.split(" "),
      " ",
      "\n",
      "\t",
      "\u0000",
      `"${"long ".repeat(20)}"`,
      `"${"a".repeat(70)}\t"`,
    );
    const texts = fc.oneof(
      fc.json(),
      fc.array(fragment, { maxLength: 12 }).map((parts) => parts.join("")),
      fc.array(fragment, { maxLength: 6 }).map((parts) => `{"x":${parts.join("")}}`),
      fc.array(fragment, { maxLength: 6 }).map((parts) => `[${parts.join("")}]`),
    );
    fc.assert(
      fc.property(texts, (text) => {
        expect(isDocument(text)).toBe(isJsonDocument(text));
      }),
      { numRuns: 5000 },
    );
  });

  function isDocument(text: string): boolean {
    try {
      checkJson(Buffer.from(text));
      return true;
    } catch (error) {
      expect(error).toBeInstanceOf(SerializationFault);
      return false;
    }
  }

  function isJsonDocument(text: string): boolean {
    try {
      const value: unknown = JSON.parse(text);
      return typeof value === "object" && value !== null;
    } catch {
      return false;
    }
  }
});
