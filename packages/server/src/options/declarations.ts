/**
 * Every option of the server, once, as data: command-line flags, `MILLRACE_*` variables, the keys of the
 * config file, `--help` and the checks all come from this table.
 */

/** A stream that is created at start when it is missing. */
export interface InitialStream {
  readonly name: string;
  readonly shardCount: number;
}

/** Another value for a limit of Data Streams. */
export interface LimitOverride {
  /** Of a rate or quota, or of an operation whose calls per second are limited. */
  readonly name: string;
  /** In the limit's own unit; `Infinity` lifts it. */
  readonly value: number;
}

export interface ServerOptions {
  readonly host: string;
  readonly port: number;
  readonly dataDir: string;
  readonly durability: "fsync" | "memory";
  readonly engine: "journal" | "jetstream";
  /** Servers of the cluster, separated by commas. */
  readonly nats: string | undefined;
  readonly natsUser: string | undefined;
  readonly natsPassword: string | undefined;
  /** Of the system account, which alone tells the servers' settings. */
  readonly natsSystemUser: string | undefined;
  readonly natsSystemPassword: string | undefined;
  /** Before all names of streams and subjects in the cluster. */
  readonly natsPrefix: string;
  readonly limits: "aws" | "off";
  /** Other values for single rates and quotas, whatever {@link ServerOptions.limits} says. The last one of a name counts. */
  readonly limit: readonly LimitOverride[];
  /** Bytes. Undefined: a quarter of what the machine or the container has. */
  readonly memory: number | undefined;
  readonly threads: number;
  readonly dev: boolean;
  readonly stream: readonly InitialStream[];
  readonly tlsCert: string | undefined;
  readonly tlsKey: string | undefined;
  readonly tls: "off" | "self-signed";
  readonly allowAnyone: boolean;
  readonly allowImport: boolean;
  readonly acceptClock: boolean;
  /** Milliseconds of service time. */
  readonly transitionDelay: number;
}

/** What belongs to the process around the server: whoever makes the runtime takes these. */
export interface ProcessOptions {
  readonly logLevel: "debug" | "info" | "warn" | "error";
  readonly logFormat: "text" | "json";
  readonly config: string | undefined;
}

export type AllOptions = ServerOptions & ProcessOptions;
export type OptionName = keyof AllOptions;

export type OptionKind =
  | "text"
  | "path"
  | "integer"
  | "boolean"
  | "choice"
  | "size"
  | "duration"
  | "stream"
  | "limit";

export interface OptionDeclaration<T = unknown> {
  readonly kind: OptionKind;
  readonly default: T;
  /** How the default is shown when the value itself would not tell. */
  readonly defaultText?: string;
  /** What stands for the value in help, e.g. `BYTES`. */
  readonly placeholder?: string;
  readonly values?: readonly string[];
  readonly min?: number;
  readonly max?: number;
  /** May be given several times; the values are gathered. */
  readonly repeatable?: boolean;
  /** Taken by whoever starts the process, not by the server. */
  readonly process?: boolean;
  /** One sentence for help. */
  readonly description: string;
}

const KIB = 1024;

export const optionDeclarations: { readonly [Name in OptionName]: OptionDeclaration<AllOptions[Name]> } =
  Object.freeze({
    host: {
      kind: "text",
      default: "127.0.0.1",
      placeholder: "ADDRESS",
      description: "Address to listen on. Any but a loopback one needs --allow-anyone.",
    },
    port: {
      kind: "integer",
      default: 4566,
      min: 0,
      max: 65_535,
      placeholder: "PORT",
      description: "Port to listen on, for HTTP/1.1, HTTP/2 and TLS alike; 0 takes a free one.",
    },
    dataDir: {
      kind: "path",
      default: ".millrace",
      placeholder: "DIRECTORY",
      description: "Where everything is kept. One server at a time can use it.",
    },
    durability: {
      kind: "choice",
      default: "fsync",
      values: ["fsync", "memory"],
      description:
        "fsync: a put is answered when it survives a power cut. memory: nothing is written, everything is lost at the end.",
    },
    engine: {
      kind: "choice",
      default: "journal",
      values: ["journal", "jetstream"],
      description:
        "What keeps the records. journal: this machine's disk. jetstream: a NATS JetStream cluster, which any number of servers may share.",
    },
    nats: {
      kind: "text",
      default: undefined,
      defaultText: "none",
      placeholder: "URL,URL,…",
      description:
        "Servers of the cluster for --engine jetstream, such as nats://10.0.1.4:4222; the others are learned from them.",
    },
    natsUser: {
      kind: "text",
      default: undefined,
      defaultText: "none",
      placeholder: "NAME",
      description: "User with which records are read and written.",
    },
    natsPassword: {
      kind: "text",
      default: undefined,
      defaultText: "none",
      placeholder: "PASSWORD",
      description:
        "Password of --nats-user. Better given as MILLRACE_NATS_PASSWORD, which a list of processes does not show.",
    },
    natsSystemUser: {
      kind: "text",
      default: undefined,
      defaultText: "none",
      placeholder: "NAME",
      description:
        "User of the cluster's system account, with which the servers' settings are checked at the start.",
    },
    natsSystemPassword: {
      kind: "text",
      default: undefined,
      defaultText: "none",
      placeholder: "PASSWORD",
      description: "Password of --nats-system-user. Better given as MILLRACE_NATS_SYSTEM_PASSWORD.",
    },
    natsPrefix: {
      kind: "text",
      default: "millrace",
      placeholder: "NAME",
      description:
        "What names of streams and subjects in the cluster begin with: several services may share one.",
    },
    limits: {
      kind: "choice",
      default: "aws",
      values: ["aws", "off"],
      description: "Whether rates and quotas are enforced as AWS does.",
    },
    limit: {
      kind: "limit",
      default: [],
      defaultText: "none",
      placeholder: "NAME=VALUE",
      repeatable: true,
      description:
        "Another value for one rate or quota, such as shardReadCalls=50, shardWriteBytes=5MiB, or calls per second of an operation: ListStreams=100. VALUE off lifts it, NAME help lists all; may be given several times.",
    },
    memory: {
      kind: "size",
      default: undefined,
      defaultText: "a quarter of the machine's or the container's memory",
      min: 16 * KIB * KIB,
      placeholder: "BYTES",
      description: "Bound of everything that grows with load: caches, bodies, answers. For example 512MiB.",
    },
    threads: {
      kind: "integer",
      default: 1,
      min: 1,
      max: 64,
      placeholder: "COUNT",
      description:
        "Threads that serve requests. 1 does everything; with more, one keeps the log and the others speak with clients.",
    },
    dev: {
      kind: "boolean",
      default: false,
      description: "Allows moving the clock and injecting faults, from this machine only.",
    },
    stream: {
      kind: "stream",
      default: [],
      defaultText: "none",
      placeholder: "NAME:SHARDS",
      repeatable: true,
      description: "A stream to create at start unless it is there; may be given several times.",
    },
    tlsCert: {
      kind: "path",
      default: undefined,
      defaultText: "none",
      placeholder: "FILE",
      description: "Certificate chain in PEM. With it the port speaks TLS beside cleartext.",
    },
    tlsKey: {
      kind: "path",
      default: undefined,
      defaultText: "none",
      placeholder: "FILE",
      description: "Private key of --tls-cert in PEM.",
    },
    tls: {
      kind: "choice",
      default: "off",
      values: ["off", "self-signed"],
      description:
        "self-signed: makes a certificate for this machine's names and keeps it in the data directory.",
    },
    allowAnyone: {
      kind: "boolean",
      default: false,
      description:
        "Confirms that whoever reaches the port may do everything: signatures are not verified yet.",
    },
    allowImport: {
      kind: "boolean",
      default: false,
      description:
        "Lets millrace migrate on this machine copy streams into this server, with the numbers and times that their records have.",
    },
    acceptClock: {
      kind: "boolean",
      default: false,
      description: "Starts although the newest record lies in the future of this machine's clock.",
    },
    transitionDelay: {
      kind: "duration",
      default: 50,
      defaultText: "50ms",
      min: 0,
      placeholder: "DURATION",
      description: "How long streams stay CREATING, UPDATING and DELETING, in service time.",
    },
    logLevel: {
      kind: "choice",
      default: "info",
      values: ["debug", "info", "warn", "error"],
      process: true,
      description: "Least weight of what is logged.",
    },
    logFormat: {
      kind: "choice",
      default: "text",
      values: ["text", "json"],
      process: true,
      description: "Form of log lines.",
    },
    config: {
      kind: "path",
      default: undefined,
      defaultText: "none",
      placeholder: "FILE",
      process: true,
      description:
        "JSON file with the same options by name. A flag beats a variable, a variable beats the file.",
    },
  });

export const optionNames = Object.freeze(Object.keys(optionDeclarations) as OptionName[]);

/** `dataDir` → `--data-dir` */
export function flagOf(name: OptionName): string {
  return `--${dashed(name)}`;
}

/** `dataDir` → `MILLRACE_DATA_DIR` */
export function variableOf(name: OptionName): string {
  return `MILLRACE_${dashed(name).replaceAll("-", "_").toUpperCase()}`;
}

function dashed(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
