import { readFileSync } from "node:fs";

/** All packages share one version: that of this package's manifest. */
export const VERSION = (
  JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { version: string }
).version;
