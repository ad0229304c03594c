/**
 * How a request reaches a service: over HTTP/1.1, over HTTP/2, or as a function call. A transport knows
 * nothing of signatures, retries or operations.
 */
export interface ClientTransport {
  /** Host and port as the `host` header (and so the signature) names them. */
  readonly authority: string;

  /** Once an answer is there as a whole, nobody looks at the body of its request any more. Default: false. */
  readonly copiesBodies?: boolean;

  /**
   * Sends one request and resolves when the head of the answer is there. Rejects with
   * {@link TransportError} when there is no answer, and with the signal's reason when it is aborted.
   */
  send(request: TransportRequest): Promise<TransportResponse>;

  /** Lets go of idle connections and ends the ones in use. */
  close(): Promise<void>;
}

/** A request as a transport sends it: encoded and signed. */
export interface TransportRequest {
  readonly method: string;
  readonly path: string;
  /** Lower-case names, without `host` and `content-length`, which the transport adds. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** Ends the request, and the body of its answer when that is still arriving. */
  readonly signal?: AbortSignal;
}

/** An answer from its head on; the body may still be arriving. */
export interface TransportResponse {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** Pieces as they arrive. Whoever stops early calls `return()`, which a `for await` does on leaving. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** No answer: refused, reset, unreachable, or broken off. It may or may not have been carried out. */
export class TransportError extends Error {
  override readonly name = "TransportError";
  /** Node's code, e.g. `ECONNREFUSED`, when there is one. */
  readonly code: string | undefined;

  constructor(message: string, cause: unknown) {
    super(message, { cause });
    this.code = codeOf(cause);
  }
}

function codeOf(cause: unknown): string | undefined {
  if (typeof cause === "object" && cause !== null && "code" in cause && typeof cause.code === "string") {
    return cause.code;
  }
  return undefined;
}

/** What is known about the far end's certificate. */
export interface TlsTrust {
  /** Certificates to trust instead of the well-known ones, PEM. */
  readonly certificateAuthority?: string;
  /** Trust whoever answers. Only for a certificate that cannot be checked, on a network that is. */
  readonly acceptAnyCertificate?: boolean;
}
