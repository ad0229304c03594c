#!/usr/bin/env node
/**
 * Installs the peers that this machine can have, and says which it could not have and why:
 *
 *   node bench/peers/install.mjs                     all of them
 *   node bench/peers/install.mjs moto ferrokinesis   some of them: npm, moto, ferrokinesis
 *
 * kinesalite and kinesis-local come from npm; moto from PyPI, with python3 and its venv; ferrokinesis is built
 * by cargo, which takes minutes. Everything goes into `node_modules` and `.cache` of this folder.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = dirname(fileURLToPath(import.meta.url));
const pinned = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
const cache = join(folder, ".cache");

/** Runs a command in this folder; undefined when it went well, or else why it did not. */
function failureOf(command, args) {
  console.log(`$ ${[command, ...args].join(" ")}`);
  const { error, status, signal } = spawnSync(command, args, { cwd: folder, stdio: "inherit" });
  if (error?.code === "ENOENT") return `there is no ${command} on this machine`;
  if (error !== undefined) return error.message;
  return status === 0 ? undefined : `"${command} ${args[0]}" ended with ${signal ?? status}`;
}

const installers = {
  npm: {
    what: "kinesalite and kinesis-local",
    install: () => failureOf("npm", ["install", "--no-audit", "--no-fund"]),
  },
  moto: {
    what: "moto",
    install() {
      const environment = join(cache, "moto");
      const python = join(environment, "bin", "python");
      return (
        (existsSync(python) ? undefined : failureOf("python3", ["-m", "venv", environment])) ??
        failureOf(python, [
          "-m",
          "pip",
          "install",
          "--quiet",
          "--disable-pip-version-check",
          "-r",
          "requirements.txt",
        ])
      );
    },
  },
  ferrokinesis: {
    what: "ferrokinesis",
    install() {
      const version = pinned.cargo.ferrokinesis;
      const root = join(cache, "ferrokinesis");
      // Where crates come from a mirror cargo does not see that it has built this one, and builds it again.
      const notes = join(root, ".crates.toml");
      if (existsSync(notes) && readFileSync(notes, "utf8").includes(`"ferrokinesis ${version} `))
        return undefined;
      return failureOf("cargo", [
        "install",
        "ferrokinesis",
        "--version",
        version,
        "--locked",
        "--root",
        root,
      ]);
    },
  },
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !Object.hasOwn(installers, name));
if (unknown.length > 0) {
  console.error(`there is no ${unknown.join(", ")} to install, only ${Object.keys(installers).join(", ")}`);
  process.exit(64);
}

const lines = [];
let failed = false;
for (const [name, { what, install }] of Object.entries(installers)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const failure = install();
  failed ||= failure !== undefined;
  lines.push(failure === undefined ? `${what}: installed` : `${what}: NOT installed, since ${failure}`);
}
console.log(`\n${lines.join("\n")}`);
process.exit(failed ? 1 : 0);
