import type { Runtime } from "@millrace/runtime";
import { LOCAL_HOSTS, selfSignedCertificate } from "@millrace/wire";
import type { SelfSigned } from "@millrace/wire";
import { OptionError } from "./options/option-error.ts";
import type { ServerOptions } from "./options/declarations.ts";

const DAY_MS = 86_400_000;
/** Clients of today refuse certificates of servers that are valid for longer. */
const VALID_DAYS = 825;
const RENEW_BEFORE_DAYS = 30;
/** Permissions of the private key. */
const OWNER_ONLY = 0o600;

export interface Certificate extends SelfSigned {
  /** Where the certificate lies, for clients to trust; undefined when it is in memory only. */
  readonly certPath: string | undefined;
}

/**
 * The certificate that the options ask for; undefined without TLS. A self-signed one is kept in the data
 * directory, which must be locked already, and renewed before it ends.
 *
 * @throws {OptionError} when a file cannot be read.
 */
export async function loadCertificate(
  runtime: Runtime,
  options: ServerOptions,
): Promise<Certificate | undefined> {
  const { tlsCert, tlsKey } = options;
  if (tlsCert !== undefined && tlsKey !== undefined) {
    return {
      cert: await readNamed(runtime, "tlsCert", "--tls-cert", tlsCert),
      key: await readNamed(runtime, "tlsKey", "--tls-key", tlsKey),
      certPath: tlsCert,
    };
  }
  if (options.tls === "off") return undefined;
  const hosts = LOCAL_HOSTS.includes(options.host) ? LOCAL_HOSTS : [...LOCAL_HOSTS, ...named(options.host)];
  if (options.durability === "memory") return { ...make(runtime, hosts), certPath: undefined };
  return keptCertificate(runtime, `${options.dataDir}/tls`, hosts);
}

/** A wildcard address is no name that a client would use. */
function named(host: string): string[] {
  return host === "0.0.0.0" || host === "::" ? [] : [host];
}

function make(runtime: Runtime, hosts: readonly string[]): SelfSigned {
  const nowMs = runtime.clock.nowMs();
  return selfSignedCertificate({
    hosts,
    // Clocks of clients may be a little behind.
    validFromMs: nowMs - DAY_MS,
    validToMs: nowMs + VALID_DAYS * DAY_MS,
    serial: runtime.secrets.bytes(16),
  });
}

interface About {
  readonly hosts: readonly string[];
  readonly validToMs: number;
}

async function keptCertificate(
  runtime: Runtime,
  directory: string,
  hosts: readonly string[],
): Promise<Certificate> {
  const { clock, files, log } = runtime;
  const certPath = `${directory}/cert.pem`;
  const keyPath = `${directory}/key.pem`;
  const aboutPath = `${directory}/about.json`;
  const nowMs = clock.nowMs();
  const [cert, key, aboutText] = await Promise.all(
    [certPath, keyPath, aboutPath].map((path) => readText(runtime, path)),
  );
  if (cert !== undefined && key !== undefined && aboutText !== undefined) {
    const about = JSON.parse(aboutText) as About;
    const lasts = about.validToMs - nowMs > RENEW_BEFORE_DAYS * DAY_MS;
    if (lasts && about.hosts.join() === hosts.join()) return { cert, key, certPath };
  }
  const made = make(runtime, hosts);
  await files.makeDirectory(directory);
  const about: About = { hosts, validToMs: nowMs + VALID_DAYS * DAY_MS };
  // A file keeps the permissions that it was made with, so a key is always a new file.
  await removeIfThere(runtime, keyPath);
  await writeText(runtime, keyPath, made.key, OWNER_ONLY);
  await writeText(runtime, certPath, made.cert);
  // Last, so that a crash in between makes a new pair.
  await writeText(runtime, aboutPath, `${JSON.stringify(about)}\n`);
  await files.syncDirectory(directory);
  log.info("a self-signed certificate was made; clients can trust it by this file", { path: certPath });
  return { ...made, certPath };
}

async function readNamed(runtime: Runtime, option: string, flag: string, path: string): Promise<string> {
  const text = await readText(runtime, path);
  if (text === undefined) throw new OptionError(option, `${flag}: there is no file ${path}`);
  return text;
}

/** Undefined when there is no such file. */
async function readText({ files }: Runtime, path: string): Promise<string | undefined> {
  try {
    const file = await files.open(path);
    try {
      const bytes = Buffer.alloc(await file.sizeBytes());
      return bytes.toString("utf8", 0, await file.read(bytes, 0));
    } finally {
      await file.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

async function removeIfThere({ files }: Runtime, path: string): Promise<void> {
  try {
    await files.unlink(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

async function writeText({ files }: Runtime, path: string, text: string, mode?: number): Promise<void> {
  const file = await files.open(path, { write: true, create: true, ...(mode === undefined ? {} : { mode }) });
  try {
    const bytes = Buffer.from(text, "utf8");
    await file.truncate(0);
    for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at), at);
    await file.sync();
  } finally {
    await file.close();
  }
}
