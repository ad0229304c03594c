import { createServer } from "node:http";
import type { IncomingMessage, OutgoingHttpHeaders, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { ListenerHost } from "./host.ts";
import { refusalBytes, refusals } from "./refusal.ts";
import type { Refusal } from "./refusal.ts";
import { ClientGone, StreamFlow } from "./request-body.ts";
import type { BodySource } from "./request-body.ts";
import { serve } from "./serve.ts";
import type { AnswerHead, Inbound, Outbound } from "./serve.ts";
import { FREE_TURN } from "./turns.ts";
import type { Turn } from "./turns.ts";

export interface Http1 {
  /** Takes over a socket; bytes that were read to tell the protocol have been put back. */
  accept(socket: Socket): void;
  /** Closes connections that wait for a request. */
  closeIdle(): void;
  close(): void;
}

/**
 * HTTP/1.1 on Node's own parser. The server never listens: the listener hands it sockets.
 */
export function http1(host: ListenerHost): Http1 {
  const { limits } = host;
  const server = createServer({
    maxHeaderSize: limits.headerBytesMax,
    headersTimeout: limits.headerTimeoutMs,
    // Bodies have deadlines of their own, which know progress.
    requestTimeout: 0,
    keepAliveTimeout: limits.idleTimeoutMs,
    connectionsCheckingInterval: Math.min(1_000, limits.headerTimeoutMs / 2),
    joinDuplicateHeaders: true,
    // Missing hosts are refused below, with a body that says so.
    requireHostHeader: false,
  });
  // Without this a client that half-closes after its request would get no answer.
  Object.assign(server, { httpAllowHalfOpen: true });
  // Node starts the check of its header timeout when a server listens, and this one never does.
  server.emit("listening");

  /** Requests of each connection that wait for the end of their answers, in order. */
  const connections = new WeakMap<Socket, Set<Http1Exchange>>();
  const serveHttp1 = (request: IncomingMessage, response: ServerResponse, expectsContinue: boolean) => {
    const { socket } = request;
    const exchanges = connections.get(socket) ?? newConnection(socket);
    if (exchanges.size >= limits.pipelinedCountMax) {
      // Answers leave in order, so this one would wait behind all others: the connection is given up.
      refuseRaw(host, socket, refusals.tooManyPipelined());
      return;
    }
    const exchange = new Http1Exchange(host, request, response);
    exchanges.add(exchange);
    const done = () => {
      exchanges.delete(exchange);
      if (host.draining) server.closeIdleConnections();
    };
    void serve(host, inboundOf(exchange, expectsContinue), exchange).then(done, done);
  };
  /** Connections whose bytes stopped making sense; Node reports each further chunk of them again. */
  const broken = new WeakSet<Socket>();
  const newConnection = (socket: Socket): Set<Http1Exchange> => {
    const exchanges = new Set<Http1Exchange>();
    connections.set(socket, exchanges);
    socket.on("end", () => {
      for (const exchange of exchanges) exchange.onHalfClose();
    });
    // Answers that wait behind others in a pipeline have no socket yet, and Node does not tell them.
    socket.on("close", () => {
      for (const exchange of exchanges) exchange.onClose();
    });
    return exchanges;
  };
  server.on("request", (request, response) => serveHttp1(request, response, false));
  server.on("checkContinue", (request, response) => serveHttp1(request, response, true));
  server.on("checkExpectation", (request: IncomingMessage, response: ServerResponse) => {
    const exchange = new Http1Exchange(host, request, response);
    exchange.refusal = refusals.expectationFailed();
    void serve(host, inboundOf(exchange, false), exchange);
  });
  server.on("connect", (_request, socket) =>
    refuseRaw(host, socket as Socket, refusals.unsupportedMethod("CONNECT")),
  );
  server.on("clientError", (error: NodeJS.ErrnoException, stream) => {
    const socket = stream as Socket;
    if (broken.has(socket)) return;
    broken.add(socket);
    onClientError(host, error, socket, connections.get(socket));
  });
  return {
    accept: (socket) => {
      server.emit("connection", socket);
      // The first bytes were read in flowing mode and the socket paused: now the parser wants them.
      socket.resume();
    },
    closeIdle: () => server.closeIdleConnections(),
    close: () => closeServer(server),
  };
}

function closeServer(server: Server): void {
  // Ends the check of the header timeout; the callback's complaint that nothing listened is expected.
  server.close(() => {});
  server.closeAllConnections();
}

function onClientError(
  host: ListenerHost,
  error: NodeJS.ErrnoException,
  socket: Socket,
  exchanges: ReadonlySet<Http1Exchange> | undefined,
): void {
  if (error.code === "ECONNRESET" || error.code === "EPIPE" || !socket.writable) {
    socket.destroy();
    return;
  }
  const refusal = refusalOf(host, error);
  for (const exchange of exchanges ?? []) {
    if (exchange.failBody(refusal)) return;
  }
  if (exchanges !== undefined && exchanges.size > 0) {
    // Bytes after a good request are not a request. Those before them still get their answers.
    const last = [...exchanges].at(-1)!;
    last.afterAnswer(() => refuseRaw(host, socket, refusal));
    return;
  }
  refuseRaw(host, socket, refusal);
}

function refusalOf(host: ListenerHost, error: NodeJS.ErrnoException): Refusal {
  switch (error.code) {
    case "HPE_HEADER_OVERFLOW":
      return refusals.headersTooLarge(host.limits.headerBytesMax);
    case "HPE_CHUNK_EXTENSIONS_OVERFLOW":
      return refusals.bodyTooLarge(host.limits.bodyBytesMax);
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return refusals.tooSlow("The request headers");
    case "HPE_INVALID_EOF_STATE":
      return refusals.malformed("The connection ended in the middle of a request");
    default:
      return refusals.malformed("The request is not valid HTTP/1.1");
  }
}

/** Answers on the bare socket when no request could be told, then closes it without losing the answer. */
export function refuseRaw(host: ListenerHost, socket: Socket, refusal: Refusal): void {
  if (socket.destroyed || socket.writableEnded) return;
  const { refusedTotal } = host.counters;
  refusedTotal.set(refusal.status, (refusedTotal.get(refusal.status) ?? 0) + 1);
  socket.on("error", () => {});
  socket.end(refusalBytes(refusal));
  linger(host, socket);
}

/**
 * Reads and drops what the client still sends, for a short while: closing a socket with unread bytes resets the
 * connection, and many clients then never see the answer.
 */
export function linger(host: ListenerHost, socket: Socket): void {
  socket.resume();
  const deadline = host.deadlines.start(host.limits.lingerMs, () => socket.destroy());
  socket.once("end", () => socket.destroy());
  socket.once("close", () => deadline.clear());
}

function inboundOf(exchange: Http1Exchange, expectsContinue: boolean): Inbound {
  const { request, response } = exchange;
  const headers = request.headers as Record<string, string>;
  if (Array.isArray(headers["set-cookie"])) headers["set-cookie"] = headers["set-cookie"].join(", ");
  const length = headers["content-length"];
  const chunked = headers["transfer-encoding"] !== undefined;
  const body: BodySource = {
    flow: new StreamFlow(request),
    declaredBytes: length === undefined ? undefined : Number(length),
    empty: length === undefined && !chunked,
    ready: expectsContinue ? () => response.writeContinue() : undefined,
    onFailure: (fail) => exchange.onBodyFailure(fail),
  };
  return {
    method: request.method ?? "GET",
    path: request.url ?? "/",
    headers,
    remoteAddress: request.socket.remoteAddress ?? "",
    viaTls: (request.socket as Partial<TLSSocket>).encrypted === true,
    httpVersion: "1.1",
    received: undefined,
    body,
    refusal:
      exchange.refusal ??
      (headers["host"] === undefined && request.httpVersion === "1.1"
        ? refusals.malformed("An HTTP/1.1 request needs a Host header")
        : undefined),
  };
}

class Http1Exchange implements Outbound {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly headOnly: boolean;
  readonly isDoneWhenSent = true;
  refusal: Refusal | undefined;
  readonly #host: ListenerHost;
  #gone = false;
  #streamed = false;
  #complete = false;
  readonly #onGone: (() => void)[] = [];
  readonly #afterAnswer: (() => void)[] = [];
  #failBody: ((cause: Refusal | ClientGone) => void) | undefined;

  constructor(host: ListenerHost, request: IncomingMessage, response: ServerResponse) {
    this.#host = host;
    this.request = request;
    this.response = response;
    this.headOnly = request.method === "HEAD";
    response.on("error", () => {});
    request.on("error", () => {});
    response.once("close", () => {
      this.onClose();
      for (const callback of this.#afterAnswer) callback();
    });
  }

  onClose(): void {
    if (!this.#complete) this.#leave();
  }

  /**
   * The client has closed its half, which may mean that all of it is gone. A short answer is sent all the same;
   * a stream is not kept up for it.
   */
  onHalfClose(): void {
    if (!this.#streamed || this.#complete) return;
    this.#leave();
    this.response.destroy();
  }

  get gone(): boolean {
    return this.#gone;
  }

  onGone(callback: () => void): void {
    if (this.#gone) callback();
    else this.#onGone.push(callback);
  }

  afterAnswer(callback: () => void): void {
    this.#afterAnswer.push(callback);
  }

  onBodyFailure(fail: (cause: Refusal | ClientGone) => void): void {
    this.#failBody = fail;
  }

  /** True when the request's body was still being read, and so is what is wrong. */
  failBody(cause: Refusal): boolean {
    if (this.request.complete || this.#failBody === undefined) return false;
    this.#failBody(cause);
    return true;
  }

  send(head: AnswerHead, body: readonly Uint8Array[]): Promise<void> {
    if (this.#gone) return Promise.resolve();
    this.#writeHead(head);
    // Ending takes the cork out: head and body leave in one call.
    if (body.length > 1) this.response.cork();
    for (const piece of body.slice(0, -1)) this.response.write(piece);
    return this.#finish((done) => this.response.end(body.at(-1), done));
  }

  begin(head: AnswerHead): void {
    if (this.#gone) return;
    this.#streamed = head.bodyBytes === undefined;
    this.#writeHead(head);
    this.response.flushHeaders();
    if (this.request.socket.readableEnded) this.onHalfClose();
  }

  write(pieces: readonly Uint8Array[]): Promise<void> {
    const last = pieces.at(-1);
    if (this.#gone || last === undefined) return Promise.resolve();
    return new Promise((resolve) => {
      this.onGone(resolve);
      this.response.cork();
      for (const piece of pieces.slice(0, -1)) this.response.write(piece);
      this.response.write(last, () => {
        this.#forget(resolve);
        resolve();
      });
      this.response.uncork();
    });
  }

  turn(): Turn {
    return FREE_TURN;
  }

  end(): Promise<void> {
    if (this.#gone) return Promise.resolve();
    return this.#finish((done) => this.response.end(done));
  }

  cut(): void {
    if (!this.#complete) this.#leave();
    // Answers that come before this one in the pipeline are lost with it: the connection cannot go on.
    this.request.socket.destroy();
  }

  #writeHead(head: AnswerHead): void {
    const { request, response } = this;
    const headers: OutgoingHttpHeaders = { ...head.headers };
    if (head.bodyBytes !== undefined && head.status !== 204 && head.status !== 304) {
      headers["content-length"] = head.bodyBytes;
    }
    if (head.unreadBody && !request.complete) {
      headers["connection"] = "close";
      this.#lingerOnClose(request.socket);
      request.resume();
    } else if (head.close || this.#host.draining) {
      headers["connection"] = "close";
    }
    response.writeHead(head.status, headers);
  }

  /** Node closes a connection with `destroySoon` after its last answer; this one first hears the client out. */
  #lingerOnClose(socket: Socket): void {
    socket.destroySoon = () => {
      socket.end();
      linger(this.#host, socket);
    };
  }

  #finish(end: (done: () => void) => void): Promise<void> {
    return new Promise((resolve) => {
      this.onGone(resolve);
      end(() => {
        this.#complete = true;
        resolve();
      });
    });
  }

  #forget(callback: () => void): void {
    const at = this.#onGone.indexOf(callback);
    if (at >= 0) this.#onGone.splice(at, 1);
  }

  #leave(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#failBody?.(new ClientGone());
    for (const callback of this.#onGone.splice(0)) callback();
  }
}
