import http from "node:http";
import {
  type ClientTransport,
  type TlsTrust,
  TransportError,
  type TransportRequest,
  type TransportResponse,
} from "./transport.ts";

export interface Http1Options extends TlsTrust {
  /** Connections at once; further requests wait for a free one. Default: 256. */
  readonly connectionCountMax?: number;
}

/** HTTP/1.1 with connections that stay open, cleartext or TLS by the scheme of `endpoint`. */
export function http1Transport(endpoint: URL, options: Http1Options = {}): ClientTransport {
  const secure = endpoint.protocol === "https:";
  const agentOptions = { keepAlive: true, noDelay: true, maxSockets: options.connectionCountMax ?? 256 };
  // TLS is loaded only where it is spoken: a server has this module in its program and never connects.
  const https = secure ? process.getBuiltinModule("node:https") : undefined;
  const agent =
    https !== undefined
      ? new https.Agent({
          ...agentOptions,
          ALPNProtocols: ["http/1.1"],
          rejectUnauthorized: options.acceptAnyCertificate !== true,
          ...(options.certificateAuthority === undefined ? {} : { ca: options.certificateAuthority }),
        })
      : new http.Agent(agentOptions);
  const request = https?.request ?? http.request;
  const basePath = endpoint.pathname.replace(/\/$/, "");

  return {
    authority: endpoint.host,
    copiesBodies: true,

    send({ method, path, headers, body, signal }: TransportRequest): Promise<TransportResponse> {
      return new Promise((resolve, reject) => {
        const outgoing = request({
          agent,
          method,
          host: endpoint.hostname.replace(/^\[|\]$/g, ""),
          port: endpoint.port === "" ? (secure ? 443 : 80) : Number(endpoint.port),
          path: `${basePath}${path}`,
          headers: { ...headers, host: endpoint.host, "content-length": String(body.byteLength) },
          ...(signal === undefined ? {} : { signal }),
        });
        outgoing.on("response", (incoming) => {
          resolve({
            status: incoming.statusCode ?? 0,
            headers: joinHeaders(incoming.headers),
            body: readBody(incoming, signal),
          });
        });
        outgoing.on("error", (cause) => {
          reject(signal?.aborted === true ? signal.reason : new TransportError(describe(cause), cause));
        });
        outgoing.end(body);
      });
    },

    close() {
      agent.destroy();
      return Promise.resolve();
    },
  };
}

async function* readBody(incoming: http.IncomingMessage, signal: AbortSignal | undefined) {
  try {
    for await (const piece of incoming) yield piece as Uint8Array;
  } catch (cause) {
    if (signal?.aborted === true) throw signal.reason;
    throw new TransportError(`the answer broke off: ${describe(cause)}`, cause);
  } finally {
    incoming.destroy();
  }
}

function joinHeaders(headers: http.IncomingHttpHeaders): Record<string, string> {
  const joined: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) joined[name] = Array.isArray(value) ? value.join(", ") : value;
  }
  return joined;
}

/** Node reports a host with several addresses as one error that holds the others and says nothing itself. */
export function describe(cause: unknown): string {
  if (cause instanceof AggregateError && cause.errors.length > 0) {
    return cause.errors.map((one) => describe(one)).join("; ");
  }
  return cause instanceof Error ? cause.message : String(cause);
}
