/** Signature Version 4 over headers, as a pure function. Source: AWS's description of the signing process. */
import { createHash, createHmac } from "node:crypto";
import { amzDate } from "./calendar.ts";

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export interface SigningInput {
  readonly method: string;
  /** Path and query as they are sent, percent-encoded. */
  readonly path: string;
  /** Lower-case names; `host` must be among them. All of them are signed, save those that proxies change. */
  readonly headers: Readonly<Record<string, string>>;
  /** SHA-256 of the body in lower-case hexadecimal. */
  readonly bodySha256: string;
  readonly credentials: Credentials;
  readonly region: string;
  /** The service's signing name, e.g. `kinesis`. */
  readonly service: string;
  readonly dateMs: number;
  /** What {@link signingKey} gave for these credentials, day, region and service, when it is at hand. */
  readonly key?: Uint8Array;
}

/** Changed or dropped on the way, so never signed. */
const unsignedHeaders = new Set(["authorization", "connection", "expect", "user-agent", "x-amzn-trace-id"]);

/** The headers that a request needs beside its own: date, session token if there is one, authorization. */
export function sign(input: SigningInput): Record<string, string> {
  const dateTime = amzDate(input.dateMs);
  const day = dateTime.slice(0, 8);
  const added: Record<string, string> = { "x-amz-date": dateTime };
  const { sessionToken } = input.credentials;
  if (sessionToken !== undefined) added["x-amz-security-token"] = sessionToken;

  const signed = Object.entries({ ...input.headers, ...added })
    .filter(([name]) => !unsignedHeaders.has(name))
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  const signedNames = signed.map(([name]) => name).join(";");
  const canonicalRequest = [
    input.method,
    ...canonicalTarget(input.path),
    ...signed.map(([name, value]) => `${name}:${value.trim().replace(/\s+/g, " ")}`),
    "",
    signedNames,
    input.bodySha256,
  ].join("\n");

  const scope = `${day}/${input.region}/${input.service}/aws4_request`;
  const stringToSign = [
    "AWS4-HMAC-SHA256",
    dateTime,
    scope,
    createHash("sha256").update(canonicalRequest).digest("hex"),
  ].join("\n");
  const key = input.key ?? signingKey(input.credentials.secretAccessKey, day, input.region, input.service);
  const signature = hmac(key, stringToSign).toString("hex");
  added["authorization"] =
    `AWS4-HMAC-SHA256 Credential=${input.credentials.accessKeyId}/${scope}, ` +
    `SignedHeaders=${signedNames}, Signature=${signature}`;
  return added;
}

/** The key that signs all requests of one day (`YYYYMMDD`) to one service in one region. */
export function signingKey(
  secretAccessKey: string,
  day: string,
  region: string,
  service: string,
): Uint8Array {
  const ofDay = hmac(`AWS4${secretAccessKey}`, day);
  return hmac(hmac(hmac(ofDay, region), service), "aws4_request");
}

function hmac(key: string | Uint8Array, text: string): Buffer {
  return createHmac("sha256", key).update(text, "utf8").digest();
}

/** Path and query in canonical form: each segment encoded once more, parameters sorted by encoded name. */
function canonicalTarget(target: string): [path: string, query: string] {
  const queryStart = target.indexOf("?");
  const path = queryStart === -1 ? target : target.slice(0, queryStart);
  const query = queryStart === -1 ? "" : target.slice(queryStart + 1);
  const canonicalPath = normalized(path).split("/").map(encode).join("/");
  const parameters = query
    .split("&")
    .filter((parameter) => parameter !== "")
    .map((parameter) => {
      const equals = parameter.indexOf("=");
      const name = equals === -1 ? parameter : parameter.slice(0, equals);
      const value = equals === -1 ? "" : parameter.slice(equals + 1);
      return [encode(decode(name)), encode(decode(value))] as const;
    })
    .toSorted(([nameA, valueA], [nameB, valueB]) =>
      nameA === nameB ? compare(valueA, valueB) : compare(nameA, nameB),
    );
  return [canonicalPath, parameters.map(([name, value]) => `${name}=${value}`).join("&")];
}

/** Resolves empty, `.` and `..` segments. */
function normalized(path: string): string {
  const segments: string[] = [];
  for (const segment of path.split("/")) {
    if (segment === "..") segments.pop();
    else if (segment !== "" && segment !== ".") segments.push(segment);
  }
  const last = segments.length > 0 && path.endsWith("/") ? "/" : "";
  return `/${segments.join("/")}${last}`;
}

/** Percent-encodes everything but RFC 3986's unreserved characters. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
