/**
 * The door through which every case talks to Kinesis. Three drivers stand behind it: the SDKs for
 * JavaScript, Python and Java. Values are those of the JavaScript SDK: PascalCase members,
 * `Uint8Array` for blobs, `Date` for timestamps.
 */
import type * as sdk from "@aws-sdk/client-kinesis";

type Commands = {
  [K in keyof typeof sdk as K extends `${infer Name}Command` ? Name : never]: (typeof sdk)[K];
};

/** Names of the operations that the JavaScript SDK knows, the yardstick of this suite. */
export type OperationName = Exclude<keyof Commands, "$" | "">;

/** An answer with its optional members taken as present: a case that reads one that is absent fails. */
export type Answer<Name extends OperationName> = Commands[Name] extends new (...arguments_: never[]) => {
  resolveMiddleware(...rest: never[]): (...input: never[]) => Promise<{ output: infer Output }>;
}
  ? Defined<Omit<Output, "$metadata">>
  : never;

export type Defined<T> = T extends Uint8Array | Date
  ? T
  : T extends readonly (infer Element)[]
    ? Defined<Element>[]
    : T extends object
      ? { [K in keyof T]-?: Defined<Exclude<T[K], undefined>> }
      : Exclude<T, undefined>;

export type Input = Readonly<Record<string, unknown>>;

export type SubscribeToShardEvent = Defined<sdk.SubscribeToShardEvent>;

export interface KinesisClient {
  /** @throws {CallError} with what the service answered */
  call<Name extends OperationName>(operation: Name, input?: Input): Promise<Answer<Name>>;
  /**
   * Resolves when the service has accepted the subscription, and rejects when it has not.
   * @throws {CallError}
   */
  subscribe(input: Input): Promise<Subscription>;
}

export interface Subscription {
  /** The next event; `undefined` when the service has ended the subscription. @throws {CallError} */
  next(): Promise<SubscribeToShardEvent | undefined>;
  close(): void;
}

/** One of the SDKs, ready to make a client for any account. */
export interface Driver {
  readonly name: "javascript" | "python" | "java";
  /** Operations and members that are younger than the SDK: it answers `unknownToSdk` when asked for them. */
  readonly lacks: ReadonlySet<string>;
  /** `accessKeyId`: a 12-digit one names the account on our server; without one, the machine's own credentials. */
  client(accessKeyId?: string): KinesisClient;
  close(): Promise<void>;
}

/** The code with which a driver says that its SDK is older than what it was asked for. */
export const unknownToSdk = "UnknownToSdk";

/** What the service refused, as the SDK handed it on. Status 0: the SDK itself failed, or an event said so. */
export class CallError extends Error {
  override readonly name = "CallError";
  readonly code: string;
  readonly status: number;

  constructor(code: string, message: string, status: number) {
    super(message);
    this.code = code;
    this.status = status;
  }
}
