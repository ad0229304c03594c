import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { addDecimals, compareDecimals, decimalText, parseDecimal, subtractDecimals } from "./decimal.ts";

const canonical = (text: string) => decimalText(parseDecimal(text));

/** Numbers of up to 18 digits with up to 12 places, as whole numbers of 10^-12. */
const scaledNumber = fc.bigInt({ min: -(10n ** 18n), max: 10n ** 18n });
const textOf = (scaled: bigint): string => {
  const digits = String(scaled < 0n ? -scaled : scaled).padStart(13, "0");
  return `${scaled < 0n ? "-" : ""}${digits.slice(0, -12)}.${digits.slice(-12)}`;
};

test.each([
  ["0", "0"],
  ["-0.00", "0"],
  ["007", "7"],
  ["1.50", "1.5"],
  ["+.5", "0.5"],
  ["1e3", "1000"],
  ["-1.25E-3", "-0.00125"],
  ["12345678901234567890123456789012345678", "12345678901234567890123456789012345678"],
])("%s is %s", (text, expected) => {
  expect(canonical(text)).toBe(expected);
});

describe("what is refused", () => {
  test.each([
    ["abc", "The parameter cannot be converted to a numeric value: abc"],
    ["", "The parameter cannot be converted to a numeric value: "],
    ["1.2.3", "The parameter cannot be converted to a numeric value: 1.2.3"],
    ["1e126", "Number overflow. Attempting to store a number with magnitude larger than supported range"],
    ["1e-131", "Number underflow. Attempting to store a number with magnitude smaller than supported range"],
    ["1".repeat(39), "Attempting to store more than 38 significant digits in a Number"],
  ])("%s", (text, message) => {
    expect(() => parseDecimal(text)).toThrow(message);
  });

  test("the largest and the smallest numbers are not", () => {
    expect(canonical(`${"9".repeat(38)}e88`)).toBe(`${"9".repeat(38)}${"0".repeat(88)}`);
    expect(canonical("1e-130")).toBe(`0.${"0".repeat(129)}1`);
  });

  test("a sum that has more digits than a number may have", () => {
    expect(() => addDecimals(parseDecimal("1e38"), parseDecimal("0.1"))).toThrow("38 significant digits");
  });
});

test("sums, differences and order are those of whole numbers", () => {
  fc.assert(
    fc.property(scaledNumber, scaledNumber, (left, right) => {
      const [a, b] = [parseDecimal(textOf(left)), parseDecimal(textOf(right))];
      expect(decimalText(addDecimals(a, b))).toBe(canonical(textOf(left + right)));
      expect(decimalText(subtractDecimals(a, b))).toBe(canonical(textOf(left - right)));
      expect(Math.sign(compareDecimals(a, b))).toBe(left < right ? -1 : left > right ? 1 : 0);
    }),
  );
});

test("the text of a number is its own text", () => {
  fc.assert(
    fc.property(scaledNumber, fc.integer({ min: -60, max: 60 }), (scaled, power) => {
      const once = canonical(`${scaled}e${power}`);
      expect(canonical(once)).toBe(once);
    }),
  );
});
