/**
 * Who a request says it is from, and whether it says so in a form that can be checked at all. The texts
 * are recorded (kinesalite, dynalite). Whether the signature is right is not looked at here.
 */
import { ServiceError } from "@millrace/api";
import type { WireRequest } from "./exchange.ts";

export interface Credential {
  readonly accessKeyId: string;
  readonly region: string;
}

const headerParameters = ["Credential", "Signature", "SignedHeaders"] as const;
const queryParameters = [
  "X-Amz-Algorithm",
  "X-Amz-Credential",
  "X-Amz-Signature",
  "X-Amz-SignedHeaders",
  "X-Amz-Date",
] as const;

/**
 * The credential of a request that is signed, in its header or in its query; undefined for one that
 * is not signed at all.
 *
 * @throws {ServiceError} `InvalidSignatureException` when it is signed in both places or for no region,
 * `IncompleteSignatureException` when parts are missing.
 */
export function credentialOf(request: WireRequest): Credential | undefined {
  const header = request.headers["authorization"];
  const query = queryOf(request.path);
  const inQuery = query?.has("X-Amz-Algorithm") === true;
  // An empty header is none, as for the service.
  if (header !== undefined && header !== "") {
    if (inQuery) {
      throw new ServiceError(
        "InvalidSignatureException",
        "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.",
      );
    }
    return parsedScope(credentialOfHeader(header, request.headers));
  }
  return inQuery ? parsedScope(credentialOfQuery(query)) : undefined;
}

/** The header as every SDK writes it. Other orders and spaces are taken apart below. */
const usualHeader = /^\S+ Credential=([^, ]+), ?SignedHeaders=[^, ]+, ?Signature=[^, ]+$/;

function credentialOfHeader(header: string, headers: WireRequest["headers"]): string {
  const usual = headers["x-amz-date"] ? usualHeader.exec(header) : null;
  if (usual !== null) return usual[1]!;
  const parameters = new Map<string, string>();
  // The first word is the algorithm.
  for (const part of header.split(/[, ]/).slice(1)) {
    const equals = part.indexOf("=");
    if (equals > 0) parameters.set(part.slice(0, equals), part.slice(equals + 1));
  }
  let missing = "";
  for (const name of headerParameters) {
    if (!parameters.get(name)) missing += `Authorization header requires '${name}' parameter. `;
  }
  if (!headers["x-amz-date"] && !headers["date"]) {
    missing += "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ";
  }
  if (missing !== "") throw incomplete(`${missing}Authorization=${header}`);
  return parameters.get("Credential") ?? "";
}

function credentialOfQuery(query: URLSearchParams): string {
  let missing = "";
  for (const name of queryParameters) {
    if (!query.get(name)) missing += `AWS query-string parameters must include '${name}'. `;
  }
  if (missing !== "") throw incomplete(`${missing}Re-examine the query-string parameters.`);
  return query.get("X-Amz-Credential") ?? "";
}

/** Scopes that were found good: a client has the same one all day. */
const knownScopes = new Map<string, Credential>();
const KNOWN_SCOPES_MAX = 100;
const KNOWN_SCOPE_LENGTH_MAX = 256;

function parsedScope(credential: string): Credential {
  const known = knownScopes.get(credential);
  if (known !== undefined) return known;
  const parsed = parseScope(credential);
  if (credential.length > KNOWN_SCOPE_LENGTH_MAX) return parsed;
  if (knownScopes.size === KNOWN_SCOPES_MAX) knownScopes.clear();
  knownScopes.set(credential, parsed);
  return parsed;
}

function parseScope(credential: string): Credential {
  const parts = (credential.endsWith("/") ? credential.replace(/\/+$/, "") : credential).split("/");
  const [accessKeyId, , region] = parts;
  if (parts.length !== 5 || accessKeyId === undefined || region === undefined) {
    throw incomplete(
      "Credential must have exactly 5 slash-delimited elements, " +
        `e.g. keyid/date/region/service/term, got '${credential}'`,
    );
  }
  // Any name may be a region here, but it becomes part of ARNs, so it must look like one.
  if (!/^[A-Za-z0-9-]{1,32}$/.test(region)) {
    throw new ServiceError(
      "InvalidSignatureException",
      `Credential should be scoped to a valid region, not '${region}'. `,
    );
  }
  return { accessKeyId, region };
}

function incomplete(message: string): ServiceError {
  return new ServiceError("IncompleteSignatureException", message);
}

function queryOf(path: string): URLSearchParams | undefined {
  const start = path.indexOf("?");
  return start === -1 ? undefined : new URLSearchParams(path.slice(start + 1));
}
