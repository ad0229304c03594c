/** Our own server as a process of its own, for what cannot be had in the process of the test runner: more than one thread. */
import { spawn } from "node:child_process";
import type { Socket } from "node:net";
import { fileURLToPath } from "node:url";

const programPath = fileURLToPath(new URL("../../../packages/millrace/dist/main.js", import.meta.url));

/** Starts the built program, in memory, on a free port; it ends with this process. Resolves to its endpoint. */
export function startProgram(flags: readonly string[]): Promise<string> {
  const server = spawn(
    process.execPath,
    [programPath, "serve", "--port", "0", "--durability", "memory", "--log-level", "error", ...flags],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  process.once("exit", () => server.kill("SIGKILL"));
  // How the test runner ends its workers.
  process.once("SIGTERM", () => process.exit());
  return new Promise((resolve, reject) => {
    let printed = "";
    server.stdout.setEncoding("utf8").on("data", (text: string) => {
      printed += text;
      const endpoint = /http:\/\/127\.0\.0\.1:\d+/.exec(printed)?.[0];
      if (endpoint === undefined) return;
      // Neither must keep the test runner from ending.
      server.unref();
      (server.stdout as Socket).unref();
      resolve(endpoint);
    });
    server.once("exit", (code) => reject(new Error(`the server ended with ${code}: ${printed}`)));
  });
}
