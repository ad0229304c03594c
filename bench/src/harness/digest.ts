import { createHash } from "node:crypto";

/** Sixteen hexadecimal digits that stand for these values in this order. */
export function digestOf(...values: readonly (string | number | Uint8Array)[]): string {
  const hash = createHash("sha256");
  for (const value of values) {
    hash.update(typeof value === "number" ? String(value) : value);
    hash.update("\0");
  }
  return hash.digest("hex").slice(0, 16);
}
