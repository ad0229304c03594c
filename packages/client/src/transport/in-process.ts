import type { WireResponse, WireService } from "@millrace/wire";
import type { ClientTransport, TransportRequest, TransportResponse } from "./transport.ts";

/** Calls a service as a function: encoded bytes in, encoded bytes out, no socket. */
export function inProcessTransport(service: WireService, authority = "localhost"): ClientTransport {
  return {
    authority,

    async send({ method, path, headers, body, signal }: TransportRequest): Promise<TransportResponse> {
      signal?.throwIfAborted();
      const response = await unlessAborted(
        service({
          method,
          path,
          headers: { ...headers, host: authority, "content-length": String(body.byteLength) },
          body,
          remoteAddress: "127.0.0.1",
          viaTls: false,
          httpVersion: "2",
          ...(signal === undefined ? {} : { signal }),
        }),
        signal,
      );
      return {
        status: response.status,
        headers: lowerCased(response.headers),
        body: piecesOf(response, signal),
      };
    },

    close: () => Promise.resolve(),
  };
}

async function* piecesOf(
  { body }: WireResponse,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  if (body instanceof Uint8Array) {
    yield body;
  } else if (Symbol.asyncIterator in body) {
    const pieces = body[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await unlessAborted(pieces.next(), signal);
        if (next.done === true) return;
        yield next.value;
      }
    } finally {
      // A stream in the middle of a wait may hear of the end only after it; nobody waits for that.
      const ending = pieces.return?.();
      if (signal?.aborted === true) ending?.catch(() => {});
      else await ending;
    }
  } else {
    yield* body;
  }
}

/** A caller that gives up does not wait for a service that has not noticed yet. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) {
      abort();
      return;
    }
    signal.addEventListener("abort", abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

function lowerCased(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}
