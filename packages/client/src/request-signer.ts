import { createHash } from "node:crypto";
import type { Clock } from "@millrace/runtime";
import { type Credentials, sign, signingKey } from "@millrace/wire";

export type { Credentials };

export interface SignableRequest {
  readonly method: string;
  readonly path: string;
  /** Lower-case names, `host` among them. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** Returns the headers of a request together with those that sign it. */
export type RequestSigner = (request: SignableRequest) => Record<string, string>;

export interface SignerOptions {
  /** Without them nothing is signed. */
  readonly credentials: Credentials | undefined;
  readonly region: string;
  readonly service: string;
  readonly clock: Clock;
}

const DAY_MS = 86_400_000;

export function requestSigner({ credentials, region, service, clock }: SignerOptions): RequestSigner {
  if (credentials === undefined) return ({ headers }) => ({ ...headers });
  // Deriving the key costs as much as signing a small request, and it is good for a day.
  let keyDay = -1;
  let key: Uint8Array = new Uint8Array();
  return ({ method, path, headers, body }) => {
    const dateMs = clock.nowMs();
    const day = Math.floor(dateMs / DAY_MS);
    if (day !== keyDay) {
      const date = new Date(dateMs).toISOString().slice(0, 10).replaceAll("-", "");
      key = signingKey(credentials.secretAccessKey, date, region, service);
      keyDay = day;
    }
    const bodySha256 = createHash("sha256").update(body).digest("hex");
    const added = sign({ method, path, headers, bodySha256, credentials, region, service, dateMs, key });
    return { ...headers, ...added };
  };
}
