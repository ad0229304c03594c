/** What expressions are once they are read: placeholders are resolved, and legacy conditions look the same. */
import type { AttributeType, AttributeValue } from "../values/attribute-value.ts";

/** Names of attributes, and indexes into lists; the first is a name. */
export type Path = readonly (string | number)[];

export type Operand =
  | { readonly kind: "path"; readonly path: Path }
  | { readonly kind: "value"; readonly value: AttributeValue }
  | { readonly kind: "size"; readonly path: Path };

export type Comparator = "=" | "<>" | "<" | "<=" | ">" | ">=";

export type Condition =
  | { readonly kind: "and" | "or"; readonly parts: readonly Condition[] }
  | { readonly kind: "not"; readonly part: Condition }
  | {
      readonly kind: "compare";
      readonly comparator: Comparator;
      readonly left: Operand;
      readonly right: Operand;
    }
  | { readonly kind: "between"; readonly operand: Operand; readonly low: Operand; readonly high: Operand }
  | { readonly kind: "in"; readonly operand: Operand; readonly list: readonly Operand[] }
  | { readonly kind: "exists"; readonly path: Path }
  | { readonly kind: "type"; readonly path: Path; readonly type: AttributeType }
  | { readonly kind: "begins_with" | "contains"; readonly operand: Operand; readonly part: Operand };

/** What SET may stand on the right of its sign. */
export type SetOperand =
  | { readonly kind: "path"; readonly path: Path }
  | { readonly kind: "value"; readonly value: AttributeValue }
  | { readonly kind: "if_not_exists"; readonly path: Path; readonly otherwise: SetOperand }
  | { readonly kind: "list_append"; readonly first: SetOperand; readonly second: SetOperand };

export type SetValue =
  | SetOperand
  | { readonly kind: "plus" | "minus"; readonly left: SetOperand; readonly right: SetOperand };

export type UpdateAction =
  | { readonly kind: "set"; readonly path: Path; readonly value: SetValue }
  | { readonly kind: "remove"; readonly path: Path }
  | { readonly kind: "add" | "delete"; readonly path: Path; readonly value: AttributeValue };

/** A path as the service prints it. */
export function pathText(path: Path): string {
  return `[${path.map((step) => (typeof step === "number" ? `[${step}]` : step)).join(", ")}]`;
}
