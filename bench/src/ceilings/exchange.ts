/** Asking another server on behalf of a client, and keeping what it said. */
import { Agent, request as httpRequest } from "node:http";

/** A request as far as a ceiling looks at it. */
export interface Asked {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export interface Answer {
  readonly status: number;
  /** Those that the server itself chose; what frames the message is left to whoever sends it again. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Of the connection or of the framing (RFC 9110 §7.6.1, RFC 9112 §6), and so not to be passed on. */
const FRAMING = new Set([
  "connection",
  "keep-alive",
  "transfer-encoding",
  "content-length",
  "host",
  "upgrade",
  "expect",
]);

const agent = new Agent({ keepAlive: true });

/** Puts a request to the server at `endpoint` and resolves with its answer, whatever the status. */
export function forward(endpoint: string, asked: Asked): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = Object.fromEntries(
      Object.entries(asked.headers).filter(([name]) => !name.startsWith(":") && !FRAMING.has(name)),
    );
    const request = httpRequest(
      endpoint,
      { method: "POST", agent, headers: { ...headers, "content-length": asked.body.length } },
      (response) => {
        const pieces: Buffer[] = [];
        response.on("data", (piece: Buffer) => pieces.push(piece));
        response.on("error", reject);
        response.on("end", () => {
          const { rawHeaders } = response;
          const kept: [string, string][] = [];
          for (let at = 0; at < rawHeaders.length; at += 2) {
            // HTTP/2 knows small letters only, and the count of bytes is the same.
            const name = rawHeaders[at]!.toLowerCase();
            if (!FRAMING.has(name)) kept.push([name, rawHeaders[at + 1]!]);
          }
          resolve({
            status: response.statusCode ?? 0,
            headers: Object.fromEntries(kept),
            body: Buffer.concat(pieces),
          });
        });
      },
    );
    request.on("error", reject);
    request.end(asked.body);
  });
}

/** The operation that a request names: `PutRecords` of `Kinesis_20131202.PutRecords`. */
export function operationOf({ headers }: Pick<Asked, "headers">): string {
  const target = headers["x-amz-target"] ?? "";
  return target.slice(target.indexOf(".") + 1);
}
