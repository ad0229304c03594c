import type { Http2Server, IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import type { Deadline } from "./deadlines.ts";
import type { ListenerHost } from "./host.ts";
import { refusals } from "./refusal.ts";
import type { Refusal } from "./refusal.ts";
import { ClientGone, StreamFlow } from "./request-body.ts";
import type { BodySource } from "./request-body.ts";
import { serve } from "./serve.ts";
import type { AnswerHead, Inbound, Outbound } from "./serve.ts";
import { Turns } from "./turns.ts";
import type { Turn } from "./turns.ts";

const END_STREAM = 0x1;
const NO_ERROR = 0x0;
const ENHANCE_YOUR_CALM = 0xb;

/** One HTTP/2 connection. */
export interface Http2Connection {
  /** Says GOAWAY, lets open streams finish, then closes. */
  drain(): void;
  destroy(): void;
}

export interface Http2 {
  /**
   * Speaks HTTP/2 on a socket whose preface has been put back.
   *
   * @param tcp the socket at the bottom, which is `socket` itself without TLS.
   */
  accept(socket: Socket, tcp: Socket, viaTls: boolean): Http2Connection;
}

/** Sessions of one listener. A client may open one for each request, so whatever can be shared by them is made once. */
export function http2(host: ListenerHost): Http2 {
  let server: Http2Server | undefined;
  let begun: ServerHttp2Session | undefined;
  return {
    accept(socket, tcp, viaTls) {
      server ??= http2Server(host).on("session", (session) => (begun = session));
      begun = undefined;
      server.emit("connection", socket);
      const session = begun as ServerHttp2Session | undefined;
      // Whoever took the one before for it would answer another client.
      if (session === undefined) throw new Error("Node's HTTP/2 server has made no session of a connection");
      begun = undefined;
      return new SessionState(host, session, socket, tcp, viaTls);
    },
  };
}

/** It never listens itself: connections are given to it. */
function http2Server(host: ListenerHost): Http2Server {
  const { limits } = host;
  // Loaded with the first such connection: a start would wait for it as long as for all of our contracts.
  const server = process.getBuiltinModule("node:http2").createServer({
    settings: {
      maxConcurrentStreams: limits.streamCountMax,
      // What exceeds the limit by less than this factor is answered 431; more than that resets the stream.
      maxHeaderListSize: limits.headerBytesMax * 2,
    },
    maxSessionInvalidFrames: 100,
    maxSessionRejectedStreams: 100,
    // Megabytes. Answers in flight count too, and one of 10 MiB must not make the next stream fail.
    maxSessionMemory: 256,
    maxHeaderListPairs: 128,
    maxOutstandingPings: 10,
  });
  server.on("sessionError", (error) => host.log.debug("an HTTP/2 session failed", { cause: error.message }));
  return server;
}

function ignore(): void {}

class SessionState implements Http2Connection {
  readonly #host: ListenerHost;
  readonly #session: ServerHttp2Session;
  readonly #tcp: Socket;
  readonly #viaTls: boolean;
  readonly #socket: Socket;
  /** Made when a stream asks for one: most sessions carry a request and its answer. */
  #turns: Turns | undefined;
  /** Requests whose handling has not ended, including those whose stream the client has reset. */
  #inFlightCount = 0;
  #idle: Deadline;

  constructor(host: ListenerHost, session: ServerHttp2Session, socket: Socket, tcp: Socket, viaTls: boolean) {
    this.#host = host;
    this.#session = session;
    this.#socket = socket;
    this.#tcp = tcp;
    this.#viaTls = viaTls;
    this.#idle = host.deadlines.start(host.limits.headerTimeoutMs, () => this.#closeIdle());
    host.counters.http2Sessions += 1;
    host.counters.http2SessionsTotal += 1;
    // Not the event of the server: a stream that its client has already reset does not tell its session any more.
    session.on("stream", (stream, headers, flags) => this.#onStream(stream, headers, flags));
    session.on("frameError", ignore);
    session.on("close", () => this.#closed());
    // The listener's sockets may be half open, for HTTP/1.1. An HTTP/2 client that closes its half is gone.
    socket.on("end", () => session.destroy());
  }

  turn(): Turn {
    const isBehind = () => windowIsClosed(this.#session) || queuedBytes(this.#socket) > 0;
    this.#turns ??= new Turns(this.#host, isBehind);
    return this.#turns.ask();
  }

  /** Something of a stream was written out. */
  wrote(): void {
    this.#turns?.wrote();
  }

  get remoteAddress(): string {
    return this.#tcp.remoteAddress ?? "";
  }

  get viaTls(): boolean {
    return this.#viaTls;
  }

  #onStream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, flags: number): void {
    const host = this.#host;
    stream.on("error", ignore);
    if (this.#inFlightCount >= host.limits.streamCountMax * 2) {
      // Only a client that opens and resets streams faster than they are handled gets here.
      host.log.warn("an HTTP/2 session was closed: it resets streams faster than they are handled", {
        peer: this.remoteAddress,
      });
      this.#session.destroy(new Error("too many resets"), ENHANCE_YOUR_CALM);
      return;
    }
    this.#inFlightCount += 1;
    this.#idle.clear();
    const exchange = new Http2Exchange(host, stream, headers[":method"] === "HEAD", this);
    const done = () => {
      this.#inFlightCount -= 1;
      if (this.#inFlightCount === 0 && !this.#session.closed && !this.#session.destroyed) {
        this.#idle = host.deadlines.start(host.limits.idleTimeoutMs, () => this.#closeIdle());
      }
    };
    const inbound = inboundOf(host, exchange, headers, flags, this);
    void serve(host, inbound, exchange).then(done, done);
  }

  #closeIdle(): void {
    this.#session.close();
    // A peer that neither reads nor closes is not waited for.
    this.#idle = this.#host.deadlines.start(this.#host.limits.lingerMs, () => this.#session.destroy());
  }

  drain(): void {
    if (!this.#session.closed && !this.#session.destroyed) this.#session.close();
  }

  destroy(): void {
    this.#session.destroy();
    this.#tcp.destroy();
  }

  #closed(): void {
    this.#host.counters.http2Sessions -= 1;
    this.#idle.clear();
    this.#turns?.close();
  }
}

/** Whether the client takes no more data on any stream until it says so. */
function windowIsClosed(session: ServerHttp2Session): boolean {
  const { remoteWindowSize } = session.state;
  return remoteWindowSize !== undefined && remoteWindowSize <= 0;
}

/**
 * Bytes that the session has written to its socket and the kernel has not taken. A session writes to the native handle,
 * past the stream's own buffer, so `writableLength` knows nothing of them. The handle's figure is no public interface of
 * Node: without it they count as taken.
 */
function queuedBytes(socket: Socket): number {
  const { _handle: handle } = socket as { _handle?: { readonly writeQueueSize?: number } | null };
  return handle?.writeQueueSize ?? 0;
}

function inboundOf(
  host: ListenerHost,
  exchange: Http2Exchange,
  received: IncomingHttpHeaders,
  flags: number,
  session: SessionState,
): Inbound {
  const { stream } = exchange;
  const headers: Record<string, string> = {};
  let headerBytes = 0;
  for (const name of Object.keys(received)) {
    const value = received[name];
    const text = Array.isArray(value) ? value.join(", ") : String(value);
    headerBytes += name.length + text.length + 4;
    if (name.startsWith(":")) {
      if (name === ":authority") headers["host"] = text;
    } else if (name !== "host" || headers["host"] === undefined) {
      headers[name] = text;
    }
  }
  const length = headers["content-length"];
  const declaredBytes = length === undefined ? undefined : Number(length);
  const expectation = headers["expect"]?.toLowerCase();
  const body: BodySource = {
    flow: new StreamFlow(stream),
    declaredBytes,
    empty: (flags & END_STREAM) !== 0,
    ready: expectation === "100-continue" ? () => stream.additionalHeaders({ ":status": 100 }) : undefined,
    onFailure: (fail) => exchange.onGone(() => fail(new ClientGone())),
  };
  const method = received[":method"] ?? "GET";
  let refusal: Refusal | undefined;
  if (headerBytes > host.limits.headerBytesMax)
    refusal = refusals.headersTooLarge(host.limits.headerBytesMax);
  else if (method === "CONNECT") refusal = refusals.unsupportedMethod(method);
  else if (expectation !== undefined && expectation !== "100-continue")
    refusal = refusals.expectationFailed();
  return {
    method,
    path: received[":path"] ?? "/",
    headers,
    // Asking the operating system for it costs as much as a tenth of a session, and hardly anybody wants to know.
    get remoteAddress() {
      return session.remoteAddress;
    },
    viaTls: session.viaTls,
    httpVersion: "2",
    received: undefined,
    body,
    refusal,
  };
}

class Http2Exchange implements Outbound {
  readonly stream: ServerHttp2Stream;
  readonly headOnly: boolean;
  /** The session may still have it. */
  readonly isDoneWhenSent = false;
  readonly #host: ListenerHost;
  readonly #session: SessionState;
  #gone = false;
  #complete = false;
  #isEnding = false;
  #finished: (() => void) | undefined;
  readonly #onGone: (() => void)[] = [];

  constructor(host: ListenerHost, stream: ServerHttp2Stream, headOnly: boolean, session: SessionState) {
    this.#host = host;
    this.stream = stream;
    this.headOnly = headOnly;
    this.#session = session;
    stream.on("aborted", () => {
      if (!this.#complete) this.#leave();
    });
    stream.on("close", () => this.#closed());
  }

  /** A client that has its answer may take the whole session down before the end of the answer is known to have left. */
  #closed(): void {
    if (this.#isEnding) this.#finished?.();
    else if (!this.#complete) this.#leave();
  }

  get gone(): boolean {
    return this.#gone;
  }

  onGone(callback: () => void): void {
    if (this.#gone) callback();
    else this.#onGone.push(callback);
  }

  send(head: AnswerHead, body: readonly Uint8Array[]): Promise<void> {
    if (!this.#open()) return Promise.resolve();
    if (this.headOnly || body.every(({ length }) => length === 0)) {
      this.stream.respond(this.#head(head), { endStream: true });
      this.#complete = true;
      this.#dropRest(head);
      return Promise.resolve();
    }
    this.stream.respond(this.#head(head));
    if (body.length > 1) this.stream.cork();
    for (const piece of body.slice(0, -1)) this.stream.write(piece);
    return this.#finish(head, body.at(-1));
  }

  begin(head: AnswerHead): void {
    if (!this.#open()) return;
    this.stream.respond(this.#head(head), { endStream: this.headOnly });
    if (this.headOnly) this.#complete = true;
  }

  write(pieces: readonly Uint8Array[]): Promise<void> {
    const last = pieces.at(-1);
    if (!this.#open() || last === undefined) return Promise.resolve();
    return new Promise((resolve) => {
      this.onGone(resolve);
      this.stream.cork();
      for (const piece of pieces.slice(0, -1)) this.stream.write(piece);
      this.stream.write(last, () => {
        this.#forget(resolve);
        resolve();
        this.#session.wrote();
      });
      this.stream.uncork();
    });
  }

  turn(): Turn {
    return this.#session.turn();
  }

  end(): Promise<void> {
    if (!this.#open() || this.#complete) return Promise.resolve();
    return this.#finish(undefined, undefined);
  }

  cut(): void {
    if (!this.#complete) this.#leave();
    // Not `close(code)`: that ends the stream first, and the client would take what it has for all.
    if (!this.stream.destroyed) this.stream.destroy(new Error("the answer is cut off"));
  }

  #open(): boolean {
    return !this.#gone && !this.stream.destroyed && !this.stream.closed;
  }

  #head(head: AnswerHead): Record<string, string | number> {
    const headers: Record<string, string | number> = { ":status": head.status };
    // Names are in lower case in HTTP/2, and Node adds a date of its own to an answer that spells it otherwise.
    for (const [name, value] of Object.entries(head.headers)) headers[name.toLowerCase()] = value;
    // HTTP/2 has no connection headers; what they would say is said by GOAWAY.
    delete headers["connection"];
    if (head.bodyBytes !== undefined) headers["content-length"] = head.bodyBytes;
    if (head.close && this.#host.draining) this.#session.drain();
    return headers;
  }

  #finish(head: AnswerHead | undefined, last: Uint8Array | undefined): Promise<void> {
    return new Promise((resolve) => {
      this.onGone(resolve);
      this.#finished = () => {
        this.#finished = undefined;
        this.#complete = true;
        if (head !== undefined) this.#dropRest(head);
        resolve();
        this.#session.wrote();
      };
      this.#isEnding = true;
      // Not the callback of `end`: for a session that its client closes at once Node makes an error for each of those.
      this.stream.on("finish", () => this.#finished?.());
      if (last === undefined) this.stream.end();
      else this.stream.end(last);
    });
  }

  /** The answer is complete and the rest of the request is not wanted: says so without calling it an error. */
  #dropRest(head: AnswerHead): void {
    if (!head.unreadBody || this.stream.destroyed) return;
    this.stream.resume();
    this.stream.close(NO_ERROR);
  }

  #forget(callback: () => void): void {
    const at = this.#onGone.indexOf(callback);
    if (at >= 0) this.#onGone.splice(at, 1);
  }

  #leave(): void {
    if (this.#gone) return;
    this.#gone = true;
    for (const callback of this.#onGone.splice(0)) callback();
  }
}
