/** The names and values that a request's expressions refer to. Each must be used somewhere in the request. */
import type { AttributeValue } from "@millrace/api";
import { invalid } from "../refusals.ts";
import { checkedValue } from "../values/attribute-value.ts";

export interface GivenPlaceholders {
  readonly ExpressionAttributeNames?: Readonly<Record<string, string>>;
  readonly ExpressionAttributeValues?: Readonly<Record<string, AttributeValue>>;
}

const FORM_OF_REST = /^[A-Za-z0-9_]+$/;

export class Placeholders {
  readonly #names: ReadonlyMap<string, string>;
  readonly #values: ReadonlyMap<string, AttributeValue>;
  readonly #unusedNames: Set<string>;
  readonly #unusedValues: Set<string>;

  /** @throws {ServiceError} `ValidationException` for keys of another form, and for values that are none. */
  constructor(
    { ExpressionAttributeNames: names, ExpressionAttributeValues: values }: GivenPlaceholders,
    hasExpressions: boolean,
  ) {
    for (const [member, given] of [
      ["ExpressionAttributeNames", names],
      ["ExpressionAttributeValues", values],
    ] as const) {
      if (given === undefined) continue;
      if (!hasExpressions) {
        throw invalid(`${member} can only be specified when using expressions`);
      }
      if (Object.keys(given).length === 0) throw invalid(`${member} must not be empty`);
    }
    this.#names = new Map(Object.entries(names ?? {}));
    for (const key of this.#names.keys()) refuseForm("ExpressionAttributeNames", "#", key);
    this.#values = new Map(
      Object.entries(values ?? {}).map(([key, value]) => {
        refuseForm("ExpressionAttributeValues", ":", key);
        return [key, checkedValue(value)];
      }),
    );
    this.#unusedNames = new Set(this.#names.keys());
    this.#unusedValues = new Set(this.#values.keys());
  }

  name(placeholder: string): string | undefined {
    this.#unusedNames.delete(placeholder);
    return this.#names.get(placeholder);
  }

  value(placeholder: string): AttributeValue | undefined {
    this.#unusedValues.delete(placeholder);
    return this.#values.get(placeholder);
  }

  /** @throws {ServiceError} `ValidationException` when something was given that no expression uses. */
  refuseUnused(): void {
    for (const [member, unused] of [
      ["ExpressionAttributeNames", this.#unusedNames],
      ["ExpressionAttributeValues", this.#unusedValues],
    ] as const) {
      if (unused.size > 0) {
        throw invalid(`Value provided in ${member} unused in expressions: keys: {${[...unused].join(", ")}}`);
      }
    }
  }
}

function refuseForm(member: string, mark: string, key: string): void {
  if (!key.startsWith(mark) || !FORM_OF_REST.test(key.slice(1))) {
    throw invalid(`${member} contains invalid key: Syntax error; key: "${key}"`);
  }
}
