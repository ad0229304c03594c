/** What an update makes of an item. All values on the right are those from before the update. */
import type { AttributeValue } from "@millrace/api";
import { invalid } from "../refusals.ts";
import { elementTexts, typeOf } from "../values/attribute-value.ts";
import type { Item } from "../values/attribute-value.ts";
import { addDecimals, DecimalFault, decimalText, parseDecimal, subtractDecimals } from "../values/decimal.ts";
import { valueAt } from "./evaluate.ts";
import type { Path, SetOperand, SetValue, UpdateAction } from "./syntax.ts";

/** @throws {ServiceError} `ValidationException` when an action does not fit what the item holds. */
export function updatedItem(item: Item, actions: readonly UpdateAction[]): Item {
  const root = new Branch({ M: item });
  // Removals of list elements last and from behind, so that indexes mean what they meant before.
  const removals: Path[] = [];
  for (const action of actions) {
    const { path } = action;
    const before = valueAt(item, path);
    switch (action.kind) {
      case "set":
        root.put(path, setValue(action.value, item));
        break;
      case "remove":
        removals.push(path);
        break;
      case "add":
        root.put(path, sum(before, action.value));
        break;
      case "delete": {
        if (before === undefined) break;
        const rest = difference(before, action.value);
        if (rest === undefined) removals.push(path);
        else root.put(path, rest);
      }
    }
  }
  for (const path of removals.toSorted(byIndexFromBehind)) root.remove(path);
  return root.value().M!;
}

/** Copies of the maps and lists that an update touches; what it does not touch is shared with the old item. */
class Branch {
  readonly #root: { M: Record<string, AttributeValue> };
  readonly #copied = new Set<object>();

  constructor(root: { readonly M: Item }) {
    this.#root = { M: this.#copy(root).M as Record<string, AttributeValue> };
  }

  value(): AttributeValue {
    return this.#root;
  }

  put(path: Path, value: AttributeValue): void {
    const parent = this.#parentOf(path);
    const last = path.at(-1)!;
    if (parent === undefined) throw wrongPath();
    if (typeof last === "number") {
      if (parent.L === undefined) throw wrongPath();
      // Past the end means at the end.
      (parent.L as AttributeValue[])[Math.min(last, parent.L.length)] = value;
    } else {
      if (parent.M === undefined) throw wrongPath();
      (parent.M as Record<string, AttributeValue>)[last] = value;
    }
  }

  /** What is not there is not removed; only its parent must be there. */
  remove(path: Path): void {
    const parent = this.#parentOf(path);
    const last = path.at(-1)!;
    if (parent === undefined) throw wrongPath();
    if (typeof last === "number") {
      if (parent.L === undefined) throw wrongPath();
      (parent.L as AttributeValue[]).splice(last, 1);
    } else {
      if (parent.M === undefined) throw wrongPath();
      delete (parent.M as Record<string, AttributeValue>)[last];
    }
  }

  #parentOf(path: Path): AttributeValue | undefined {
    let parent: AttributeValue = this.#root;
    for (const step of path.slice(0, -1)) {
      const container: AttributeValue = parent;
      const child: AttributeValue | undefined =
        typeof step === "number"
          ? container.L?.[step]
          : container.M !== undefined && Object.hasOwn(container.M, step)
            ? container.M[step]
            : undefined;
      if (child === undefined) return undefined;
      const copy = this.#copy(child);
      if (typeof step === "number") (container.L as AttributeValue[])[step] = copy;
      else (container.M as Record<string, AttributeValue>)[step] = copy;
      parent = copy;
    }
    return parent;
  }

  #copy(value: AttributeValue): AttributeValue {
    if (this.#copied.has(value)) return value;
    const copy: AttributeValue =
      value.M !== undefined
        ? { M: Object.assign(Object.create(null) as object, value.M) }
        : value.L !== undefined
          ? { L: [...value.L] }
          : value;
    this.#copied.add(copy);
    return copy;
  }
}

function byIndexFromBehind(left: Path, right: Path): number {
  const indexOf = (path: Path): number => {
    const last = path.at(-1);
    return typeof last === "number" ? last : -1;
  };
  return indexOf(right) - indexOf(left);
}

function setValue(value: SetValue, item: Item): AttributeValue {
  if (!isArithmetic(value)) return operandValue(value, item);
  const left = operandValue(value.left, item).N;
  const right = operandValue(value.right, item).N;
  if (left === undefined || right === undefined) throw wrongType();
  return arithmetic(value.kind === "plus" ? addDecimals : subtractDecimals, left, right);
}

function isArithmetic(value: SetValue): value is Exclude<SetValue, SetOperand> {
  return value.kind === "plus" || value.kind === "minus";
}

function operandValue(operand: SetOperand, item: Item): AttributeValue {
  switch (operand.kind) {
    case "value":
      return operand.value;
    case "path": {
      const value = valueAt(item, operand.path);
      if (value === undefined) {
        throw invalid("The provided expression refers to an attribute that does not exist in the item");
      }
      return value;
    }
    case "if_not_exists":
      return valueAt(item, operand.path) ?? operandValue(operand.otherwise, item);
    case "list_append": {
      const first = operandValue(operand.first, item).L;
      const second = operandValue(operand.second, item).L;
      if (first === undefined || second === undefined) throw wrongType();
      return { L: [...first, ...second] };
    }
  }
}

/** Numbers add up, sets unite; to nothing the value itself is added. */
function sum(before: AttributeValue | undefined, added: AttributeValue): AttributeValue {
  if (before === undefined) return added;
  const type = typeOf(added);
  if (typeOf(before) !== type) throw wrongType();
  switch (type) {
    case "N":
      return arithmetic(addDecimals, before.N!, added.N!);
    case "SS":
    case "NS":
    case "BS": {
      const known = new Set(elementTexts(before));
      const texts = elementTexts(added);
      const fresh = (added[type] as readonly unknown[]).filter((_, index) => !known.has(texts[index]!));
      return { [type]: [...(before[type] as readonly unknown[]), ...fresh] } as AttributeValue;
    }
    default:
      throw wrongType();
  }
}

/** A set without members of another; undefined when none is left, as there are no empty sets. */
function difference(before: AttributeValue, taken: AttributeValue): AttributeValue | undefined {
  const type = typeOf(taken);
  if (typeOf(before) !== type) throw wrongType();
  const gone = new Set(elementTexts(taken));
  const texts = elementTexts(before);
  const rest = (before[type] as readonly unknown[]).filter((_, index) => !gone.has(texts[index]!));
  return rest.length === 0 ? undefined : ({ [type]: rest } as AttributeValue);
}

function arithmetic(operation: typeof addDecimals, left: string, right: string): AttributeValue {
  try {
    return { N: decimalText(operation(parseDecimal(left), parseDecimal(right))) };
  } catch (error) {
    if (error instanceof DecimalFault) throw invalid(error.message);
    throw error;
  }
}

function wrongType(): Error {
  return invalid("An operand in the update expression has an incorrect data type");
}

function wrongPath(): Error {
  return invalid("The document path provided in the update expression is invalid for update");
}
