/** What the thread of the service and a protocol thread say to each other beside requests and answers. */
import type { LogFields, LogLevel } from "@millrace/runtime";
import type { ListenerLimits, ListenerStats } from "@millrace/wire";

/** What a protocol thread is started with. */
export interface ProtocolThreadData {
  readonly host: string;
  readonly port: number;
  /** Of the socket that another thread listens on; undefined: this thread opens its own. */
  readonly descriptor: number | undefined;
  /** Whether several threads take connections from one socket. */
  readonly isShared: boolean;
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  readonly limits: Partial<ListenerLimits>;
  /** Its share of the memory bound. */
  readonly memoryBytes: number;
  readonly findRecords: boolean;
}

export type ToProtocolThread =
  | { readonly kind: "stats"; readonly number: number }
  | { readonly kind: "drain"; readonly number: number; readonly graceMs: number };

export type FromProtocolThread =
  | {
      readonly kind: "listening";
      readonly urls: readonly string[];
      readonly host: string;
      readonly port: number;
      readonly descriptor: number | undefined;
    }
  /** The port cannot be had, or the certificate cannot be used. */
  | { readonly kind: "refused"; readonly code: string | undefined; readonly message: string }
  /** A line for the log of the process. */
  | {
      readonly kind: "log";
      readonly level: LogLevel;
      readonly message: string;
      readonly fields: LogFields | undefined;
    }
  | {
      readonly kind: "stats";
      readonly number: number;
      readonly stats: ListenerStats;
      readonly usedBytes: number;
    }
  | { readonly kind: "drained"; readonly number: number; readonly brokenOffCount: number };
