import { ServiceError } from "@millrace/api";
import type { Caller, WireRequest } from "./exchange.ts";
import { credentialOf } from "./authorization.ts";
import type { Credential } from "./authorization.ts";

/** The account of whoever does not say which, and the region of whoever does not sign. */
export const DEFAULT_ACCOUNT_ID = "000000000000";
export const DEFAULT_REGION = "us-east-1";

/**
 * Says who is asking.
 *
 * `input` is the decoded request, or undefined when it could not be decoded: the caller is looked at
 * before the types of the request are, as the service does.
 *
 * @throws {ServiceError} when the request must not get further.
 */
export type Callers = (request: WireRequest, input: unknown, requestId: string) => Caller | Promise<Caller>;

export interface CallersOptions {
  /** Account ids by access key id. */
  readonly accounts?: Readonly<Record<string, string>>;
  /** What happens to requests that are not signed. Default: `accept`. */
  readonly unsigned?: "accept" | "refuse";
}

/**
 * Callers as far as headers tell, without any check of signatures. The region is that of the credential
 * scope; the account the one configured for the access key, else the access key itself when it is twelve
 * digits, else that of an ARN in the request, else {@link DEFAULT_ACCOUNT_ID}. A request that is not
 * signed is from {@link DEFAULT_ACCOUNT_ID} in {@link DEFAULT_REGION}.
 */
export function callersFromHeaders(options: CallersOptions = {}): Callers {
  const accounts = new Map(Object.entries(options.accounts ?? {}));
  return (request, input, requestId) => {
    const credential = credentialOf(request);
    if (credential === undefined && options.unsigned === "refuse") {
      throw new ServiceError("MissingAuthenticationTokenException", "Missing Authentication Token");
    }
    const accountId =
      credential === undefined
        ? DEFAULT_ACCOUNT_ID
        : (accounts.get(credential.accessKeyId) ??
          accountOfKey(credential.accessKeyId) ??
          accountOfInput(input) ??
          DEFAULT_ACCOUNT_ID);
    return new HeaderCaller(request, requestId, accountId, credential);
  };
}

class HeaderCaller implements Caller {
  readonly accountId: string;
  readonly region: string;
  readonly principal: string;
  readonly viaTls: boolean;
  readonly requestId: string;
  readonly #request: WireRequest;

  constructor(
    request: WireRequest,
    requestId: string,
    accountId: string,
    credential: Credential | undefined,
  ) {
    this.accountId = accountId;
    this.region = credential?.region ?? DEFAULT_REGION;
    this.principal = credential?.accessKeyId ?? "anonymous";
    this.viaTls = request.viaTls;
    this.requestId = requestId;
    this.#request = request;
  }

  /** Not before somebody asks: it may be a call of the system. */
  get sourceIp(): string {
    return this.#request.remoteAddress;
  }
}

function accountOfKey(accessKeyId: string): string | undefined {
  return /^\d{12}$/.test(accessKeyId) ? accessKeyId : undefined;
}

const arnMembers = [
  "StreamARN",
  "ConsumerARN",
  "ResourceARN",
  "ChannelARN",
  "ResourceArn",
  "TableName",
] as const;

function accountOfInput(input: unknown): string | undefined {
  if (typeof input !== "object" || input === null) return undefined;
  for (const member of arnMembers) {
    const arn = (input as Readonly<Record<string, unknown>>)[member];
    if (typeof arn !== "string") continue;
    const account = /^arn:[^:]*:[^:]*:[^:]*:(\d{12}):/.exec(arn)?.[1];
    if (account !== undefined) return account;
  }
  return undefined;
}
