/** Amazon's Kinesis Client Library through a cluster: its leases, its leader's lock and its reports are state of the cluster, too. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Gateway, Gateways } from "./src/gateways.ts";
import { type NatsCluster, startNatsCluster } from "./src/nats-cluster.ts";

const PROGRAM = fileURLToPath(new URL("../interop/kcl/run.mjs", import.meta.url));
const ARCHIVE = fileURLToPath(
  new URL("../interop/kcl/target/3.5.1/millrace-interop-kcl.jar", import.meta.url),
);
/** Most of it the KCL waits; this is for machines that do much else. */
const TIMEOUT_MS = 300_000;

const leftOut = whyLeftOut();
if (leftOut !== undefined) console.log(`the KCL is left out: ${leftOut}`);
let cluster: NatsCluster;
let gateways: Gateways;
let servers: [Gateway, Gateway];

beforeEach(async () => {
  if (leftOut !== undefined) return;
  cluster = await startNatsCluster();
  gateways = new Gateways(cluster);
  servers = [await gateways.add(), await gateways.add()];
});

afterEach(async () => {
  if (leftOut !== undefined) return;
  gateways.close();
  await cluster.close();
});

function whyLeftOut(): string | undefined {
  if (spawnSync("java", ["-version"]).status !== 0) return "there is no Java";
  if (!existsSync(ARCHIVE)) return `make it first: mvn -q -f verification/interop/kcl package`;
  return undefined;
}

test.skipIf(leftOut !== undefined)(
  "a worker of the KCL 3 at one server reads what is put through another, through a split",
  { timeout: TIMEOUT_MS },
  async () => {
    const [reads, puts] = servers;
    const run = spawn(process.execPath, [PROGRAM, "polling", "3.5.1", "short"], {
      env: { ...process.env, ENDPOINT: reads.endpoint, PUT_ENDPOINT: puts.endpoint },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let said = "";
    for (const output of [run.stdout, run.stderr]) {
      output.setEncoding("utf8").on("data", (text: string) => (said += text));
    }
    const [code] = (await once(run, "close")) as [number | null];
    expect(code, said).toBe(0);
    expect(said).toContain("KCL: as it should be");
    console.log(said);
  },
);
