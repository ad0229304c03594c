/** Requests made by hand, for facts about the wire that no SDK lets one see. They run once, with `CLIENT=javascript`. */
import { createHash } from "node:crypto";
import * as http2 from "node:http2";
import * as http from "node:http";
import * as https from "node:https";
import { target } from "./target.ts";

export interface RawResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface RawRequest {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/** Requests by hand are not signed, so they are for our server. */
export const rawCasesRun = target.controls !== undefined;

export const json = "application/x-amz-json-1.1";
export const cbor = "application/x-amz-cbor-1.1";

/** Headers of an operation's request as an SDK would send them; the account is the access key id. */
export const headersOf = (operation: string, contentType = json, accountId = "000000000000") => ({
  "content-type": contentType,
  "x-amz-target": `Kinesis_20131202.${operation}`,
  "x-amz-date": new Date().toISOString().replaceAll(/[-:]|\.\d{3}/g, ""),
  authorization: authorization(accountId),
});

/** Has the form of a signature, and names the account; the server does not verify it yet. */
export const authorization = (accountId: string): string =>
  `AWS4-HMAC-SHA256 Credential=${accountId}/20260101/${target.region}/kinesis/aws4_request, ` +
  `SignedHeaders=host;x-amz-date, Signature=${createHash("sha256").update(accountId).digest("hex")}`;

/** One request over HTTP/1.1 on a connection of its own. */
export function request({
  method = "POST",
  path = "/",
  headers = {},
  body,
}: RawRequest): Promise<RawResponse> {
  return new Promise((resolve, reject) => {
    const { request: open } = target.endpoint.startsWith("https:") ? https : http;
    const sent = open(new URL(path, target.endpoint), { method, headers, agent: false }, (response) => {
      const pieces: Buffer[] = [];
      response.on("data", (piece: Buffer) => pieces.push(piece));
      response.on("error", reject);
      response.on("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: plain(response.headers),
          body: Buffer.concat(pieces),
        }),
      );
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

/** One request over HTTP/2 on a session of its own, with prior knowledge on `http://`. */
export function requestHttp2({
  method = "POST",
  path = "/",
  headers = {},
  body,
}: RawRequest): Promise<RawResponse> {
  return new Promise((resolve, reject) => {
    const session = http2.connect(target.endpoint);
    session.on("error", reject);
    const stream = session.request({ ...headers, ":method": method, ":path": path });
    let answer: http2.IncomingHttpHeaders = {};
    const pieces: Buffer[] = [];
    stream.on("response", (received) => (answer = received));
    stream.on("data", (piece: Buffer) => pieces.push(piece));
    stream.on("error", reject);
    stream.on("end", () => {
      session.close();
      resolve({ status: Number(answer[":status"]), headers: plain(answer), body: Buffer.concat(pieces) });
    });
    stream.end(body);
  });
}

/** The first bytes of an answer that does not end, until `enough` says so; then the connection is closed. */
export function requestUntil(
  { path = "/", headers = {}, body }: RawRequest,
  enough: (received: Buffer) => boolean,
): Promise<RawResponse> {
  return new Promise((resolve, reject) => {
    const { request: open } = target.endpoint.startsWith("https:") ? https : http;
    const sent = open(
      new URL(path, target.endpoint),
      { method: "POST", headers, agent: false },
      (response) => {
        let received = Buffer.alloc(0);
        const finish = () => {
          resolve({ status: response.statusCode ?? 0, headers: plain(response.headers), body: received });
          sent.destroy();
        };
        response.on("data", (piece: Buffer) => {
          received = Buffer.concat([received, piece]);
          if (enough(received)) finish();
        });
        response.on("end", finish);
      },
    );
    sent.on("error", reject);
    sent.end(body);
  });
}

function plain(headers: http.IncomingHttpHeaders | http2.IncomingHttpHeaders): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers)
      .filter(([name]) => !name.startsWith(":"))
      .map(([name, value]) => [name, String(value)]),
  );
}
