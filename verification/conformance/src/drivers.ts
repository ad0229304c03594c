/** Chooses the SDK by the variable `CLIENT`: `javascript` (the default), `python` or `java`. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { bridgeDriver } from "./bridge-driver.ts";
import type { Driver } from "./client.ts";
import { javascriptDriver } from "./javascript-driver.ts";

export const driverName = nameOf(process.env["CLIENT"] ?? "javascript");

const interop = fileURLToPath(new URL("../../interop/", import.meta.url));
const pythonProgram = `${interop}python/.venv/bin/python`;
const javaArchive = `${interop}java/target/millrace-interop.jar`;

/** Version 2.52.0, the newest in October 2026, was made from a model of the spring. */
const youngerThanJava = new Set([
  "CreateChannel",
  "DeleteChannel",
  "DescribeChannel",
  "ListChannels",
  "UpdateChannel",
  "UpdateStreamRecordDistributionStrategy",
  "DryRun",
  "RecordDistributionStrategy",
]);

export function openDriver(endpoint: string, region: string): Driver {
  switch (driverName) {
    case "javascript":
      return javascriptDriver(endpoint, region);
    case "python":
      mustExist(pythonProgram, "verification/interop/python/install");
      return bridgeDriver({ name: "python", lacks: new Set() }, pythonProgram, [
        `${interop}python/bridge.py`,
        endpoint,
        region,
      ]);
    case "java":
      mustExist(javaArchive, "mvn -q -f verification/interop/java package");
      return bridgeDriver({ name: "java", lacks: youngerThanJava }, "java", [
        "-jar",
        javaArchive,
        endpoint,
        region,
      ]);
  }
}

function nameOf(text: string): Driver["name"] {
  if (text === "javascript" || text === "python" || text === "java") return text;
  throw new Error(`CLIENT=${text}: there are three, javascript, python and java`);
}

function mustExist(path: string, command: string): void {
  if (!existsSync(path)) throw new Error(`${path} does not exist yet. Make it with: ${command}`);
}
