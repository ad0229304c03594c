/** Attribute values: checking them, comparing them, their sizes, and the form in which they are stored. */
import type { AttributeValue } from "@millrace/api";
import { invalid, invalidValue } from "../refusals.ts";
import { compareDecimals, DecimalFault, decimalText, digitCount, parseDecimal } from "./decimal.ts";

export type { AttributeValue };
export type Item = Readonly<Record<string, AttributeValue>>;
export type AttributeType = keyof AttributeValue;

const TYPES: readonly AttributeType[] = ["S", "N", "B", "SS", "NS", "BS", "M", "L", "NULL", "BOOL"];
/** Levels of lists and maps, the outermost attribute included. */
const LEVEL_COUNT_MAX = 32;
export const ITEM_BYTES_MAX = 400 * 1024;

/** The type of a value that was checked. */
export function typeOf(value: AttributeValue): AttributeType {
  for (const type of TYPES) if (value[type] !== undefined) return type;
  throw new TypeError("a value without a type got past its check");
}

/**
 * A value as it came in, in its one form: numbers in canonical text.
 *
 * @throws {ServiceError} `ValidationException`, in the service's words.
 */
export function checkedValue(value: AttributeValue, level = 1): AttributeValue {
  const types = TYPES.filter((type) => value[type] !== undefined);
  const [type] = types;
  if (type === undefined) {
    throw invalid("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes");
  }
  if (types.length > 1) {
    throw invalid(
      "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes",
    );
  }
  if (level > LEVEL_COUNT_MAX) {
    throw invalid("Nesting Levels have exceeded supported limits: Attributes can have maximum of 32 levels");
  }
  switch (type) {
    case "N":
      return { N: canonicalNumber(value.N!) };
    case "NULL":
      if (value.NULL !== true) throw invalidValue("Null attribute value types must have the value of true");
      return value;
    case "SS":
      if (value.SS!.length === 0) throw invalidValue("An string set  may not be empty");
      return { SS: withoutDuplicates(value.SS!, (text) => text) };
    case "NS":
      if (value.NS!.length === 0) throw invalidValue("An number set  may not be empty");
      return { NS: withoutDuplicates(value.NS!.map(canonicalNumber), (text) => text) };
    case "BS":
      if (value.BS!.length === 0) throw invalidValue("Binary sets should not be empty");
      return { BS: withoutDuplicates(value.BS!, (bytes) => Buffer.from(bytes).toString("base64")) };
    case "M":
      return { M: checkedItem(value.M!, level + 1) };
    case "L":
      return { L: value.L!.map((element) => checkedValue(element, level + 1)) };
    default:
      return value;
  }
}

/** Every value of an item, checked. @throws {ServiceError} `ValidationException`. */
export function checkedItem(item: Item, level = 1): Item {
  const checked = Object.create(null) as Record<string, AttributeValue>;
  for (const [name, value] of Object.entries(item)) checked[name] = checkedValue(value, level);
  return checked;
}

function canonicalNumber(text: string): string {
  try {
    return decimalText(parseDecimal(text));
  } catch (error) {
    if (error instanceof DecimalFault) throw invalid(error.message);
    throw error;
  }
}

function withoutDuplicates<T>(elements: readonly T[], textOf: (element: T) => string): readonly T[] {
  const texts = elements.map(textOf);
  if (new Set(texts).size < texts.length) {
    throw invalidValue(`Input collection [${texts.join(", ")}] contains duplicates.`);
  }
  return elements;
}

/** Whether two values are the same; sets are, whatever the order of their members. */
export function equalValues(left: AttributeValue, right: AttributeValue): boolean {
  const type = typeOf(left);
  if (type !== typeOf(right)) return false;
  switch (type) {
    case "S":
    case "N":
    case "BOOL":
    case "NULL":
      // Numbers are in their one form.
      return left[type] === right[type];
    case "B":
      return Buffer.compare(left.B!, right.B!) === 0;
    case "SS":
    case "NS":
    case "BS": {
      const others = new Set(elementTexts(right));
      const texts = elementTexts(left);
      return texts.length === others.size && texts.every((text) => others.has(text));
    }
    case "L":
      return (
        left.L!.length === right.L!.length &&
        left.L!.every((element, index) => equalValues(element, right.L![index]!))
      );
    case "M": {
      const names = Object.keys(left.M!);
      return (
        names.length === Object.keys(right.M!).length &&
        names.every((name) => {
          const other = right.M![name];
          return other !== undefined && equalValues(left.M![name]!, other);
        })
      );
    }
  }
}

/** Members of a set as texts that are equal when the members are. */
export function elementTexts({ SS, NS, BS }: AttributeValue): string[] {
  if (BS !== undefined) return BS.map((bytes) => Buffer.from(bytes).toString("base64"));
  return [...(SS ?? NS ?? [])];
}

/** The order of two values of one type that has an order; undefined for all others. */
export function compareValues(left: AttributeValue, right: AttributeValue): number | undefined {
  if (left.S !== undefined && right.S !== undefined) {
    // By bytes of UTF-8, which for text beyond the basic plane is not the order of JavaScript.
    return Buffer.compare(Buffer.from(left.S, "utf8"), Buffer.from(right.S, "utf8"));
  }
  if (left.N !== undefined && right.N !== undefined) {
    return compareDecimals(parseDecimal(left.N), parseDecimal(right.N));
  }
  if (left.B !== undefined && right.B !== undefined) return Buffer.compare(left.B, right.B);
  return undefined;
}

/** What a value counts towards the size of its item, as the service documents it. */
function valueBytes(value: AttributeValue): number {
  const type = typeOf(value);
  switch (type) {
    case "S":
      return Buffer.byteLength(value.S!, "utf8");
    case "N":
      return numberBytes(value.N!);
    case "B":
      return value.B!.length;
    case "SS":
      return sum(value.SS!.map((text) => Buffer.byteLength(text, "utf8")));
    case "NS":
      return sum(value.NS!.map(numberBytes));
    case "BS":
      return sum(value.BS!.map((bytes) => bytes.length));
    case "NULL":
    case "BOOL":
      return 1;
    case "L":
      return 3 + sum(value.L!.map((element) => 1 + valueBytes(element)));
    case "M":
      return 3 + sum(Object.entries(value.M!).map(([name, inner]) => 1 + attributeBytes(name, inner)));
  }
}

/** Two digits make a byte; one more for the exponent and one for a sign. */
function numberBytes(text: string): number {
  return Math.ceil(digitCount(parseDecimal(text)) / 2) + 1 + (text.startsWith("-") ? 1 : 0);
}

function attributeBytes(name: string, value: AttributeValue): number {
  return Buffer.byteLength(name, "utf8") + valueBytes(value);
}

export function itemBytes(item: Item): number {
  return sum(Object.entries(item).map(([name, value]) => attributeBytes(name, value)));
}

/** The size of a string or bytes, or how many members a collection has: the function `size`. */
export function lengthOf(value: AttributeValue): number | undefined {
  if (value.S !== undefined) return value.S.length;
  if (value.B !== undefined) return value.B.length;
  if (value.M !== undefined) return Object.keys(value.M).length;
  return (value.SS ?? value.NS ?? value.BS ?? value.L)?.length;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** An item as text to be stored: JSON as on the wire, bytes in base64. */
export function storedItem(item: Item): string {
  return JSON.stringify(storableMap(item));
}

function storableMap(item: Item): object {
  const storable = Object.create(null) as Record<string, unknown>;
  for (const [name, value] of Object.entries(item)) storable[name] = storableValue(value);
  return storable;
}

function storableValue(value: AttributeValue): object {
  if (value.B !== undefined) return { B: Buffer.from(value.B).toString("base64") };
  if (value.BS !== undefined) return { BS: elementTexts(value) };
  if (value.M !== undefined) return { M: storableMap(value.M) };
  if (value.L !== undefined) return { L: value.L.map(storableValue) };
  return value;
}

/** The item that {@link storedItem} made the text of. */
export function restoredItem(text: string): Item {
  return revivedMap(JSON.parse(text) as Readonly<Record<string, StoredValue>>);
}

type StoredValue = {
  readonly [Type in AttributeType]?: unknown;
};

function revivedMap(stored: Readonly<Record<string, StoredValue>>): Item {
  const item = Object.create(null) as Record<string, AttributeValue>;
  for (const [name, value] of Object.entries(stored)) item[name] = revived(value);
  return item;
}

function revived(stored: StoredValue): AttributeValue {
  if (stored.B !== undefined) return { B: Buffer.from(stored.B as string, "base64") };
  if (stored.BS !== undefined) {
    return { BS: (stored.BS as readonly string[]).map((text) => Buffer.from(text, "base64")) };
  }
  if (stored.M !== undefined) return { M: revivedMap(stored.M as Readonly<Record<string, StoredValue>>) };
  if (stored.L !== undefined) return { L: (stored.L as readonly StoredValue[]).map(revived) };
  return stored as AttributeValue;
}
