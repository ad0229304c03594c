import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { clusterMutations } from "./mutations/cluster-mutations.ts";
import { mutations } from "./mutations/mutations.ts";

const ROOT = new URL("../../../", import.meta.url);

// They run with the slow suites only, where a text that has moved would be told half an hour later.
test.each([...mutations, ...clusterMutations])(
  "the text that $name changes stands once",
  ({ file, find }) => {
    expect(readFileSync(new URL(file, ROOT), "utf8").split(find)).toHaveLength(2);
  },
);
