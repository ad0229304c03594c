/** What `bench/peers/install.mjs` has put where, at the versions that are pinned there. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("../../peers/", import.meta.url));

/** How a peer comes onto this machine, as `install.mjs` calls it. */
export type PeerInstaller = "npm" | "moto" | "ferrokinesis";

export function peerPath(path: string): string {
  return folder + path;
}

interface PinnedVersions {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly cargo: Readonly<Record<string, string>>;
}

/** The version of a peer that benches measure, whether it is installed or not. */
export function pinnedVersion(name: string): string {
  const { dependencies, cargo } = readJson(peerPath("package.json")) as PinnedVersions;
  const version = dependencies[name] ?? cargo[name] ?? pinnedRequirement(name);
  if (version === undefined) throw new Error(`bench/peers pins no version of ${name}`);
  return version;
}

function pinnedRequirement(name: string): string | undefined {
  const lines = readFileSync(peerPath("requirements.txt"), "utf8").split("\n");
  // The extras in brackets belong to the requirement, not to the name.
  return lines
    .map((line) => line.split("=="))
    .find(([wanted = ""]) => wanted.replace(/\[.*$/, "") === name)?.[1];
}

/** Why a peer cannot be started, or undefined when it can. */
export function whyMissing(
  name: string,
  installer: PeerInstaller,
  installedVersion: () => string | undefined,
): string | undefined {
  const pinned = pinnedVersion(name);
  const installed = installedVersion();
  if (installed === pinned) return undefined;
  const found =
    installed === undefined ? "is not installed" : `is installed as ${installed} instead of ${pinned}`;
  return `${name} ${found}. Install it with: node bench/peers/install.mjs ${installer}`;
}

/** The version in the package.json of an installed npm package. */
export function npmVersion(name: string): string | undefined {
  const manifest = peerPath(`node_modules/${name}/package.json`);
  return existsSync(manifest) ? (readJson(manifest) as { version: string }).version : undefined;
}

/** The version of a Python package, by the name of its metadata folder. */
export function pythonVersion(name: string, sitePackages: readonly string[]): string | undefined {
  return sitePackages.map((entry) => new RegExp(`^${name}-(.+)\\.dist-info$`).exec(entry)?.[1]).find(Boolean);
}

/** The version that cargo noted when it installed a program under `root`. */
export function cargoVersion(name: string, root: string): string | undefined {
  const notes = `${root}/.crates.toml`;
  if (!existsSync(notes)) return undefined;
  return new RegExp(`"${name} (\\S+) `).exec(readFileSync(notes, "utf8"))?.[1];
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, "utf8"));
}
