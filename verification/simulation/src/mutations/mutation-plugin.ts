import { fileURLToPath } from "node:url";
import type { Mutation } from "./mutations.ts";

const repository = new URL("../../../../", import.meta.url);

/** Patches one module as it is loaded; the file itself stays as it is. The text must stand there exactly once. */
export function mutationPlugin({
  name,
  file,
  find,
  replace,
}: Pick<Mutation, "name" | "file" | "find" | "replace">) {
  const path = fileURLToPath(new URL(file, repository));
  return {
    name: `mutation ${name}`,
    enforce: "pre" as const,
    transform(code: string, id: string) {
      if (id.split("?", 1)[0] !== path) return undefined;
      const [before, after, more] = code.split(find);
      if (before === undefined || after === undefined || more !== undefined) {
        throw new Error(`the mutation ${name} does not apply: its text must stand exactly once in ${file}`);
      }
      return { code: before + replace + after, map: null };
    },
  };
}
