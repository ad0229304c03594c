import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders } from "node:http2";
import { describe } from "./http1.ts";
import {
  type ClientTransport,
  type TlsTrust,
  TransportError,
  type TransportRequest,
  type TransportResponse,
} from "./transport.ts";

/** A subscription must be able to deliver a whole event without waiting for window updates. */
const STREAM_WINDOW_BYTES = 4 * 1024 * 1024;
const SESSION_WINDOW_BYTES = 16 * 1024 * 1024;

const NO_ERROR = 0x0;
const CANCEL = 0x8;

/** A session, and how many requests are on it. */
interface Connection {
  readonly session: ClientHttp2Session;
  requestCount: number;
}

/**
 * HTTP/2: one session for all requests, opened when needed and again after the far end closed it.
 * `http:` means cleartext with prior knowledge, `https:` TLS with ALPN.
 */
export function http2Transport(endpoint: URL, trust: TlsTrust = {}): ClientTransport {
  const basePath = endpoint.pathname.replace(/\/$/, "");
  let current: Connection | undefined;

  const connect = (): Connection => {
    // Loaded with the first connection: a server has this module in its program and never connects.
    const session = process.getBuiltinModule("node:http2").connect(endpoint.origin, {
      settings: { initialWindowSize: STREAM_WINDOW_BYTES, enablePush: false },
      rejectUnauthorized: trust.acceptAnyCertificate !== true,
      ...(trust.certificateAuthority === undefined ? {} : { ca: trust.certificateAuthority }),
    });
    const connection = { session, requestCount: 0 };
    const forget = () => {
      if (current === connection) current = undefined;
    };
    session.on("connect", () => {
      if (!session.destroyed) session.setLocalWindowSize(SESSION_WINDOW_BYTES);
    });
    // Every request on the session reports the error to its own caller.
    session.on("error", forget);
    session.on("goaway", forget);
    session.on("close", forget);
    return connection;
  };

  return {
    authority: endpoint.host,
    copiesBodies: true,

    send({ method, path, headers, body, signal }: TransportRequest): Promise<TransportResponse> {
      return new Promise((resolve, reject) => {
        if (signal?.aborted === true) {
          reject(signal.reason);
          return;
        }
        if (current === undefined || current.session.closed || current.session.destroyed) current = connect();
        const connection = current;
        let stream: ClientHttp2Stream;
        try {
          stream = connection.session.request({
            ...headers,
            ":method": method,
            ":path": `${basePath}${path}`,
            ":authority": endpoint.host,
            "content-length": String(body.byteLength),
          });
        } catch (cause) {
          reject(new TransportError(describe(cause), cause));
          return;
        }
        connection.requestCount += 1;
        connection.session.ref();
        const abort = () => stream.close(CANCEL);
        signal?.addEventListener("abort", abort, { once: true });
        let answered = false;
        let failure: unknown;
        stream.on("error", (cause) => {
          // When the session fails, its streams are told that they were cancelled, and why only behind that.
          failure = cause.cause ?? cause;
        });
        stream.on("close", () => {
          signal?.removeEventListener("abort", abort);
          connection.requestCount -= 1;
          // An idle session must not keep a program alive that has nothing else to do.
          if (connection.requestCount === 0 && !connection.session.destroyed) connection.session.unref();
          if (answered) return;
          if (signal?.aborted === true) reject(signal.reason);
          else reject(new TransportError(failure === undefined ? "no answer" : describe(failure), failure));
        });
        stream.on("response", (received) => {
          answered = true;
          resolve({
            status: received[":status"] ?? 0,
            headers: plainHeaders(received),
            body: readBody(stream, signal),
          });
        });
        stream.end(body);
      });
    },

    close() {
      current?.session.destroy();
      current = undefined;
      return Promise.resolve();
    },
  };
}

async function* readBody(stream: ClientHttp2Stream, signal: AbortSignal | undefined) {
  try {
    for await (const piece of stream) yield piece as Uint8Array;
    // Node ends the body of a reset stream as if it were whole, unless the reset names an error.
    if (signal?.aborted === true) throw signal.reason;
    if (stream.rstCode !== NO_ERROR) {
      throw new TransportError(`the answer broke off with HTTP/2 error ${stream.rstCode}`, undefined);
    }
  } catch (cause) {
    if (signal?.aborted === true) throw signal.reason;
    if (cause instanceof TransportError) throw cause;
    throw new TransportError(`the answer broke off: ${describe(cause)}`, cause);
  } finally {
    if (!stream.closed) stream.close(CANCEL);
  }
}

function plainHeaders(received: IncomingHttpHeaders): Record<string, string> {
  const plain: Record<string, string> = {};
  for (const [name, value] of Object.entries(received)) {
    if (name.startsWith(":") || value === undefined) continue;
    plain[name] = Array.isArray(value) ? value.join(", ") : String(value);
  }
  return plain;
}
