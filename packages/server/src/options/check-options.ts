import { flagOf, optionDeclarations, optionNames } from "./declarations.ts";
import type {
  AllOptions,
  LimitOverride,
  OptionDeclaration,
  OptionName,
  ServerOptions,
} from "./declarations.ts";
import { checkLimit } from "./limit-override.ts";
import { nearest } from "./nearest.ts";
import { OptionError } from "./option-error.ts";

/**
 * Fills in defaults and checks every value, and what values mean together.
 *
 * @throws {OptionError} for the first option that cannot be used.
 */
export function checkOptions(given: Partial<AllOptions>): ServerOptions {
  for (const key of Object.keys(given)) {
    if (!(optionNames as readonly string[]).includes(key)) {
      const guess = nearest(key, optionNames);
      throw new OptionError(
        key,
        `there is no option ${key}${guess === undefined ? "" : `; did you mean ${guess}?`}`,
      );
    }
  }
  const values = {} as Record<OptionName, unknown>;
  for (const name of optionNames) {
    const declaration = optionDeclarations[name] as OptionDeclaration;
    const value = given[name] ?? declaration.default;
    if (value !== undefined) checkValue(name, declaration, value);
    values[name] = value;
  }
  const options = values as unknown as AllOptions;
  checkTogether(options);
  return options;
}

function checkValue(name: OptionName, declaration: OptionDeclaration, value: unknown): void {
  const flag = flagOf(name);
  const { kind, min = -Infinity, max = Infinity } = declaration;
  if (kind === "integer" || kind === "size" || kind === "duration") {
    if (typeof value !== "number" || !Number.isInteger(value)) {
      throw new OptionError(name, `${flag} must be a whole number, not ${JSON.stringify(value)}`);
    }
    if (value < min) throw new OptionError(name, `${flag} must be at least ${min}, not ${value}`);
    if (value > max) throw new OptionError(name, `${flag} must be at most ${max}, not ${value}`);
    return;
  }
  if (kind === "boolean") {
    if (typeof value !== "boolean") {
      throw new OptionError(name, `${flag} must be true or false, not ${JSON.stringify(value)}`);
    }
    return;
  }
  if (kind === "stream") {
    if (!Array.isArray(value)) throw new OptionError(name, `${flag} must be a list of streams`);
    return;
  }
  if (kind === "limit") {
    if (!Array.isArray(value)) throw new OptionError(name, `${flag} must be a list of limits`);
    for (const { name: limit, value: amount } of value as readonly LimitOverride[]) {
      checkLimit(limit, amount, (reason) => new OptionError(name, `${flag} ${limit}=${amount} ${reason}`));
    }
    return;
  }
  if (typeof value !== "string" || value === "") {
    throw new OptionError(name, `${flag} must be a text, not ${JSON.stringify(value)}`);
  }
  if (kind === "choice" && !declaration.values!.includes(value)) {
    const guess = nearest(value, declaration.values!);
    throw new OptionError(
      name,
      `${flag} must be one of ${declaration.values!.join(", ")}, not ${JSON.stringify(value)}` +
        (guess === undefined ? "" : `; did you mean ${guess}?`),
    );
  }
}

function checkTogether(options: AllOptions): void {
  if (!isLoopback(options.host) && !options.allowAnyone) {
    throw new OptionError(
      "host",
      `--host ${options.host} lets other machines in, and signatures are not verified yet: whoever reaches the port ` +
        `may do everything. Add --allow-anyone if that is meant, or listen on 127.0.0.1.`,
    );
  }
  if ((options.tlsCert === undefined) !== (options.tlsKey === undefined)) {
    const [there, missing] =
      options.tlsKey === undefined ? ["--tls-cert", "--tls-key"] : ["--tls-key", "--tls-cert"];
    throw new OptionError(
      options.tlsKey === undefined ? "tlsKey" : "tlsCert",
      `${there} needs ${missing} beside it`,
    );
  }
  checkCluster(options);
  if (options.tls === "self-signed" && options.tlsCert !== undefined) {
    throw new OptionError(
      "tls",
      "--tls self-signed makes a certificate; leave it out when --tls-cert gives one",
    );
  }
}

function checkCluster(options: AllOptions): void {
  if (options.engine !== "jetstream") {
    for (const name of [
      "nats",
      "natsUser",
      "natsPassword",
      "natsSystemUser",
      "natsSystemPassword",
    ] as const) {
      if (options[name] !== undefined)
        throw new OptionError(name, `${flagOf(name)} needs --engine jetstream beside it`);
    }
    return;
  }
  if (options.nats === undefined) {
    throw new OptionError(
      "nats",
      "--engine jetstream needs --nats with servers of the cluster, such as nats://10.0.1.4:4222",
    );
  }
  if (options.natsSystemUser === undefined) {
    throw new OptionError(
      "natsSystemUser",
      "--engine jetstream needs --nats-system-user: without it nobody can tell whether the cluster keeps what it acknowledges",
    );
  }
  if (options.durability === "memory") {
    throw new OptionError(
      "durability",
      "--durability memory keeps nothing, so it goes with --engine journal only",
    );
  }
  if (!/^[A-Za-z0-9-]{1,32}$/.test(options.natsPrefix)) {
    throw new OptionError("natsPrefix", "--nats-prefix must be 1 to 32 letters, digits and hyphens");
  }
}

/** Whether only this machine can reach the address. */
export function isLoopback(host: string): boolean {
  const plain = host.toLowerCase().replace(/^\[(.*)\]$/, "$1");
  if (plain === "localhost" || plain.endsWith(".localhost") || plain === "::1") return true;
  const mapped = /^::ffff:(.+)$/.exec(plain)?.[1] ?? plain;
  return /^127(?:\.\d{1,3}){3}$/.test(mapped);
}
