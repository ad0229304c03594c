/** `millrace serve --engine jetstream` as a process. */
import type { NatsCluster } from "@millrace/verification-cluster";
import { isHealthy, limitFlags, millraceProgram } from "../servers/millrace-server.ts";
import { scratchDirectory } from "../servers/scratch.ts";
import type { ServerProcess } from "../servers/server-process.ts";
import { startServerProcess } from "../servers/server-process.ts";

/** Starts a gateway; it is ready when it has joined the cluster. Every limit is counted, and out of reach. */
export function startGateway({ urls, login, systemLogin }: NatsCluster, nodeFlags: readonly string[]) {
  const scratch = scratchDirectory("gateway");
  return startServerProcess({
    name: "a gateway",
    command: process.execPath,
    args: (port) => [
      ...nodeFlags,
      millraceProgram,
      "serve",
      ...["--engine", "jetstream", "--nats", urls.join(","), "--port", String(port), "--log-level", "warn"],
      ...limitFlags({}),
    ],
    directory: scratch.path,
    env: {
      MILLRACE_NATS_USER: login.user,
      MILLRACE_NATS_PASSWORD: login.password,
      MILLRACE_NATS_SYSTEM_USER: systemLogin.user,
      MILLRACE_NATS_SYSTEM_PASSWORD: systemLogin.password,
    },
    endpointIn: (output) => /^ {2}endpoint {4}(http:\S+)$/m.exec(output)?.[1],
    readyWhen: isHealthy,
    onEnd: () => scratch.remove(),
  });
}

/** Starts so many, and stops those that did start when one does not. */
export async function startGateways(
  cluster: NatsCluster,
  count: number,
  nodeFlags: readonly string[],
): Promise<ServerProcess[]> {
  const starting = await Promise.allSettled(
    Array.from({ length: count }, () => startGateway(cluster, nodeFlags)),
  );
  const gateways = starting.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  const failed = starting.find((one) => one.status === "rejected");
  if (failed !== undefined) {
    await Promise.all(gateways.map((gateway) => gateway.kill()));
    throw failed.reason;
  }
  return gateways;
}
