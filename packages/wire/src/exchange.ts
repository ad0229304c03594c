/**
 * What the listener hands to a service and what it gets back: encoded bytes on both sides. The
 * deterministic simulator calls services through this door too, so nothing here knows about sockets.
 */

import type { ScannedPutRecords } from "./put-records/scanned-input.ts";

export interface WireRequest {
  /** Upper case, e.g. `POST`. */
  readonly method: string;
  /** Path and query as received, e.g. `/`. */
  readonly path: string;
  /** Lower-case names. Repeated headers are joined with `, `; HTTP/2 `:authority` appears as `host`. */
  readonly headers: Readonly<Record<string, string>>;
  /**
   * The whole body, decoded from chunks and gzip, within the listener's limit. Its memory is used again when the service
   * has answered: whoever keeps bytes of it for longer keeps a copy. The answer itself may lie in it.
   */
  readonly body: Uint8Array;
  readonly remoteAddress: string;
  readonly viaTls: boolean;
  readonly httpVersion: "1.1" | "2";
  /** The records that the body carried, when another thread has found them; the body is empty then. */
  readonly scanned?: ScannedPutRecords;
  /** Aborted when the client has gone: nobody will read the answer. */
  readonly signal?: AbortSignal;
}

export interface WireResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /**
   * Bytes (also as several pieces laid end to end), or a stream of pieces. The listener asks a stream
   * for its next piece only when the transport has drained the last one, so a subscription is a cursor
   * and never a queue; it calls `return()` when the client goes away. Of a stream whose iterator is a
   * {@link Cursor} a piece is made only when the whole connection has drained: those of one HTTP/2 session
   * take turns.
   */
  readonly body: Uint8Array | readonly Uint8Array[] | AsyncIterable<Uint8Array>;
  /** Close the connection after this answer. */
  readonly close?: boolean;
  /**
   * To be called, once at most, when nobody looks at the body's bytes any more: their memory is used again. Where that cannot be
   * known it is not called, and the garbage collector sees to it.
   */
  readonly release?: () => void;
}

export type WireService = (request: WireRequest) => Promise<WireResponse>;

/** Who is asking, as far as the wire layer can tell. Handlers get this and nothing else of the request. */
export interface Caller {
  readonly accountId: string;
  readonly region: string;
  readonly principal: string;
  readonly sourceIp: string;
  readonly viaTls: boolean;
  readonly requestId: string;
}
