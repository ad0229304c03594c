// Starts the server as the README says, waits for its banner, puts a record and gets it back with the program
// itself, and ends it with SIGTERM, which must exit with 0. Prints how long each step took.
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const main = "packages/millrace/dist/main.js";
const directory = mkdtempSync(join(tmpdir(), "millrace-start-"));
const port = process.env.MILLRACE_CHECK_PORT ?? "4569";
const env = { ...process.env, MILLRACE_PORT: port, MILLRACE_DATA_DIR: directory };
const endpoint = `http://127.0.0.1:${port}`;
const started = Date.now();
const took = () => `${((Date.now() - started) / 1000).toFixed(1)} s`;

const server = spawn("npm", ["start"], { env, stdio: ["ignore", "pipe", "inherit"] });
const ended = new Promise((resolve) => server.on("exit", (code, signal) => resolve({ code, signal })));
const failed = (message) => {
  console.error(message);
  server.kill("SIGKILL");
  rmSync(directory, { recursive: true, force: true });
  process.exit(1);
};
setTimeout(() => failed(`nothing after ${took()}`), 120_000).unref();

let banner = "";
await new Promise((resolve) => {
  server.stdout.setEncoding("utf8");
  server.stdout.on("data", (text) => {
    process.stdout.write(text);
    banner += text;
    if (banner.includes(endpoint)) resolve();
  });
  void ended.then(() => {
    if (!banner.includes(endpoint)) failed(`the server ended before its banner:\n${banner}`);
  });
});
console.log(`banner after ${took()} (with the build)`);

function millrace(args, input) {
  const run = spawnSync(process.execPath, [main, ...args, "--endpoint", endpoint], {
    env,
    input,
    encoding: "utf8",
  });
  if (run.status !== 0) failed(`millrace ${args.join(" ")} failed:\n${run.stdout}${run.stderr}`);
  return run.stdout;
}
millrace(["stream", "create", "check"]);
millrace(["put", "check"], "it works\n");
const found = millrace(["get", "check"]);
if (!found.includes("it works")) failed(`the record did not come back:\n${found}`);
console.log(`put and got back after ${took()}`);

server.kill("SIGTERM");
const { code, signal } = await ended;
rmSync(directory, { recursive: true, force: true });
if (code !== 0) {
  console.error(`SIGTERM ended the server with ${signal ?? `exit code ${code}`}, not 0`);
  process.exit(1);
}
console.log(`ended with 0 after ${took()}`);
process.exit(0);
