/** The part of an item that paths name. */
import type { AttributeValue } from "@millrace/api";
import type { Item } from "../values/attribute-value.ts";
import { valueAt } from "./evaluate.ts";
import type { Placeholders } from "./placeholders.ts";
import type { Path } from "./syntax.ts";
import { TokenReader } from "./tokens.ts";

/** @throws {ServiceError} `ValidationException` with the fault in the service's words. */
export function readProjection(text: string, placeholders: Placeholders): readonly Path[] {
  const reader = new TokenReader("ProjectionExpression", text, placeholders);
  const paths = [reader.path()];
  while (reader.take(",")) paths.push(reader.path());
  reader.finish();
  return paths;
}

/** A tree of the steps of several paths; a leaf is wanted as a whole. */
type Wanted = Map<string | number, Wanted>;

/** What stands at the paths, inside of as much around it as it needs. Elements of lists move together. */
export function project(item: Item, paths: readonly Path[]): Item {
  const root: Wanted = new Map();
  for (const path of paths) {
    if (valueAt(item, path) === undefined) continue;
    let wanted = root;
    for (const [index, step] of path.entries()) {
      const known = wanted.get(step);
      // What is wanted as a whole stays so, whatever is wanted of it beside.
      if (known?.size === 0) break;
      const next: Wanted = index === path.length - 1 || known === undefined ? new Map() : known;
      wanted.set(step, next);
      wanted = next;
    }
  }
  return root.size === 0 ? {} : (part({ M: item }, root).M ?? {});
}

function part(value: AttributeValue, wanted: Wanted): AttributeValue {
  if (wanted.size === 0) return value;
  if (value.L !== undefined) {
    const indexes = [...wanted.keys()].filter((step) => typeof step === "number").toSorted((a, b) => a - b);
    return { L: indexes.map((index) => part(value.L![index]!, wanted.get(index)!)) };
  }
  const members = Object.create(null) as Record<string, AttributeValue>;
  for (const [name, inner] of wanted) members[name] = part(value.M![name]!, inner);
  return { M: members };
}
