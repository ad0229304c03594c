/** A Kinesis whose handlers a test chooses, and the outside that it sees. */
import { kinesis } from "@millrace/api";
import type { Clock, LogFields, Logger, LogLevel, Random } from "@millrace/runtime";
import { callersFromHeaders, createService, encodeRequest } from "./index.ts";
import type { FormatName, Handlers, Intercept, WireRequest, WireResponse } from "./index.ts";

export type Kinesis = typeof kinesis;

export const json = "application/x-amz-json-1.1";
export const cbor = "application/x-amz-cbor-1.1";

/** The request id that the bytes of {@link random} make. */
export const requestId = "00010203-0405-4607-8809-0a0b0c0d0e0f";

/** It is always noon of 2026-11-20. */
const clock: Clock = {
  nowMs: () => 1_795_176_000_000,
  monotonicMs: () => 0,
  schedule: () => ({ cancel() {} }),
  soon: () => {},
  sleep: () => Promise.resolve(),
};

/** Bytes that count up, so that ids are known. */
export const random: Random = {
  below: () => 0,
  fraction: () => 0,
  bytes: (count) => Uint8Array.from({ length: count }, (_, index) => index),
};

export interface Setup {
  handlers?: Partial<Handlers<Kinesis>>;
  intercept?: Intercept;
  unsigned?: "accept" | "refuse";
}

export interface LogLine {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

/** What came of a request, besides its answer. */
export interface Traces {
  readonly logged: LogLine[];
  readonly bugs: unknown[];
}

/** Handlers that a test does not give fail, save ListStreams, which finds nothing. */
export function serviceOf(
  setup: Setup = {},
  traces: Traces = { logged: [], bugs: [] },
  chance: Random = random,
) {
  const unexpected = Object.fromEntries(
    Object.keys(kinesis.operations).map((name) => [
      name,
      () => Promise.reject(new Error(`${name} was not expected`)),
    ]),
  ) as unknown as Handlers<Kinesis>;
  const logAt =
    (level: LogLevel) =>
    (message: string, fields: LogFields = {}) => {
      traces.logged.push({ level, message, fields });
    };
  const log: Logger = {
    debug: logAt("debug"),
    info: logAt("info"),
    warn: logAt("warn"),
    error: logAt("error"),
  };
  return createService({
    contract: kinesis,
    handlers: {
      ...unexpected,
      ListStreams: async () => ({ StreamNames: [], HasMoreStreams: false }),
      ...setup.handlers,
    },
    callers: callersFromHeaders(setup.unsigned === undefined ? {} : { unsigned: setup.unsigned }),
    clock,
    random: chance,
    log,
    onBug: (error) => traces.bugs.push(error),
    ...(setup.intercept === undefined ? {} : { intercept: setup.intercept }),
  });
}

export interface RawRequest {
  method?: string;
  path?: string;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
}

export function requestOf({ method = "POST", path = "/", headers = {}, body = "" }: RawRequest): WireRequest {
  return {
    method,
    path,
    headers,
    body: Buffer.from(body as string),
    remoteAddress: "127.0.0.1",
    viaTls: false,
    httpVersion: "1.1",
  };
}

export function bytesOf({ body }: WireResponse): Buffer {
  if (body instanceof Uint8Array) return Buffer.from(body);
  if (Array.isArray(body)) return Buffer.concat(body as Uint8Array[]);
  throw new Error("the body is a stream");
}

/** Calls an operation through its encoded form. */
export async function call<Name extends keyof Kinesis["operations"]>(
  name: Name,
  input: Parameters<typeof encodeRequest<Kinesis, Name>>[2],
  setup: Setup & { format?: FormatName; traces?: Traces } = {},
): Promise<WireResponse> {
  const encoded = encodeRequest(kinesis, name, input, setup.format ?? "json");
  return await serviceOf(
    setup,
    setup.traces,
  )(requestOf({ headers: encoded.headers, body: Buffer.concat(encoded.body) }));
}
