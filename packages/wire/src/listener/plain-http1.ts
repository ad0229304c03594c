/**
 * HTTP/1.1 for requests of the plain form, read off the socket and answered on it without Node's objects for requests and
 * answers, which cost more than everything else that a small put needs. A connection on which anything else arrives goes over
 * to Node's own server ({@link http1}) for good, with its bytes put back: chunked bodies, `Expect`, pipelines, heads in parts,
 * and all that is malformed are decided there alone.
 */
import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { POOLED_BYTES_MIN, Roster } from "@millrace/runtime";
import type { Enrolled } from "@millrace/runtime";
import { asBuffer } from "../byte-writer.ts";
import { httpDate } from "../calendar.ts";
import { ArrivingBody } from "./arriving-body.ts";
import type { Deadline } from "./deadlines.ts";
import type { ListenerHost } from "./host.ts";
import type { Incoming } from "./incoming.ts";
import { linger, refuseRaw } from "./http1.ts";
import type { Http1 } from "./http1.ts";
import { readPlainHead } from "./plain-head.ts";
import type { PlainHead } from "./plain-head.ts";
import { refusals } from "./refusal.ts";
import type { Refusal } from "./refusal.ts";
import { ClientGone, ReceivedBody } from "./request-body.ts";
import type { BodySource } from "./request-body.ts";
import { serve } from "./serve.ts";
import type { AnswerHead, Inbound, Outbound } from "./serve.ts";
import { FREE_TURN } from "./turns.ts";
import type { Turn } from "./turns.ts";

/** Answers up to this size leave as one string with their head: one call, and no vector of buffers. */
const JOINED_BYTES_MAX = 8 * 1024;

export interface PlainHttp1 {
  /** Takes over a connection, with bytes that were read from it to tell the protocol. */
  accept(incoming: Incoming, bytes?: Buffer): void;
  /** Closes connections that wait for a request. */
  closeIdle(): void;
}

/** @param other what connections go over to that do not stay plain. */
export function plainHttp1(host: ListenerHost, other: Http1): PlainHttp1 {
  const connections = new Roster<PlainConnection>();
  return {
    accept: (incoming, bytes) => {
      const connection = new PlainConnection(host, incoming, {
        handOver: (rest) => {
          connections.delete(connection);
          incoming.putBack(rest);
          other.accept(incoming.socket);
        },
        closed: () => connections.delete(connection),
      });
      connections.add(connection);
      if (bytes !== undefined) connection.received(bytes);
    },
    closeIdle: () => {
      for (const connection of connections.all()) connection.closeIfIdle();
    },
  };
}

interface ConnectionOwner {
  /** The connection does not look at its socket any more. */
  handOver(rest: Buffer): void;
  closed(): void;
}

class PlainConnection implements Enrolled {
  place = -1;
  readonly host: ListenerHost;
  readonly socket: Socket;
  readonly remoteAddress: string;
  readonly viaTls: boolean;
  readonly #incoming: Incoming;
  readonly #owner: ConnectionOwner;
  #exchange: PlainExchange | undefined;
  /** Something came after the request that is being worked on: nothing is read until that is answered. */
  #isAhead = false;
  #hasServed = false;
  #isEnded = false;
  #deadline: Deadline;
  #issuedCount = 0;
  #flushedCount = 0;
  #whenFlushed: (() => void) | undefined;

  constructor(host: ListenerHost, incoming: Incoming, owner: ConnectionOwner) {
    const { socket } = incoming;
    this.host = host;
    this.socket = socket;
    this.#incoming = incoming;
    this.remoteAddress = socket.remoteAddress ?? "";
    this.viaTls = (socket as Partial<TLSSocket>).encrypted === true;
    this.#owner = owner;
    this.#deadline = host.deadlines.start(host.limits.headerTimeoutMs, this.#onDeadline);
    incoming.listen(this.received);
    socket.on("end", this.#onEnd);
    socket.on("close", this.#onClose);
    socket.resume();
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  readonly received = (bytes: Buffer): void => {
    if (this.#exchange === undefined) this.#begin(bytes);
    else {
      const rest = this.#exchange.takeBody(bytes);
      if (rest !== undefined) this.#putBack(rest);
    }
  };

  closeIfIdle(): void {
    if (this.#exchange === undefined) this.socket.destroy();
  }

  #begin(bytes: Buffer): void {
    const head = readPlainHead(bytes, this.host.limits.headerBytesMax);
    // A client that sends ahead wants its requests to be worked on side by side.
    if (head === undefined || bytes.length > head.headBytes + head.bodyBytes) {
      this.#detach();
      this.#owner.handOver(bytes);
      return;
    }
    const exchange = new PlainExchange(this, head, bytes.subarray(head.headBytes));
    this.#exchange = exchange;
    void serve(this.host, exchange, exchange).then(this.#onServed, this.#onServed);
    exchange.keepArrived();
  }

  /** Back in the socket, so that the end of it does not come before them. */
  #putBack(bytes: Buffer): void {
    this.#isAhead = true;
    this.#incoming.putBack(bytes);
  }

  pauseReading(): void {
    this.socket.pause();
  }

  setRoom(hasRoom: boolean): void {
    this.#incoming.setRoom(hasRoom);
  }

  /** Reads on, unless what was read already waits. */
  readOn(): void {
    if (!this.#isAhead) this.socket.resume();
  }

  readonly #onServed = (): void => {
    this.#exchange = undefined;
    this.#hasServed = true;
    if (this.socket.destroyed || this.socket.writableEnded) return;
    if (this.#isEnded || this.host.draining) {
      this.socket.destroySoon();
      return;
    }
    this.#deadline.restart(this.host.limits.idleTimeoutMs);
    if (!this.#isAhead) return;
    this.#isAhead = false;
    this.socket.resume();
  };

  readonly #onDeadline = (): void => {
    const { host, socket } = this;
    if (this.#exchange !== undefined) {
      this.#deadline = host.deadlines.start(host.limits.idleTimeoutMs, this.#onDeadline);
    } else if (this.#hasServed) {
      socket.destroy();
    } else {
      this.#detach();
      this.#owner.closed();
      refuseRaw(host, socket, refusals.tooSlow("The request headers"));
    }
  };

  readonly #onEnd = (): void => {
    this.#isEnded = true;
    if (this.#exchange === undefined) this.socket.end();
    else this.#exchange.onHalfClose();
  };

  readonly #onClose = (): void => {
    this.#detach();
    this.#owner.closed();
    this.#exchange?.onClose();
    this.#flushed();
  };

  #detach(): void {
    this.#deadline.clear();
    this.#incoming.listen();
    this.socket.off("end", this.#onEnd);
    this.socket.off("close", this.#onClose);
  }

  /** Writes text, and pieces after it, in one go. */
  write(text: string, pieces: readonly Uint8Array[]): void {
    const { socket } = this;
    const last = pieces.length - 1;
    this.#issuedCount += 1;
    if (last < 0) {
      socket.write(text, "latin1", this.#onWritten);
      return;
    }
    socket.cork();
    if (text !== "") socket.write(text, "latin1");
    for (let at = 0; at < last; at += 1) socket.write(pieces[at]!);
    socket.write(pieces[last]!, this.#onWritten);
    socket.uncork();
  }

  /** Whether the operating system has taken everything that was written. */
  get isFlushed(): boolean {
    return this.socket.writableLength === 0;
  }

  /** Resolves when the operating system has taken everything that was written, or the socket is closed. */
  flushed(): Promise<void> {
    return new Promise((resolve) => {
      this.#whenFlushed = resolve;
      if (this.#flushedCount === this.#issuedCount) this.#flushed();
    });
  }

  readonly #onWritten = (error?: Error | null): void => {
    // A socket that breaks is about to close. Whoever went on writing to it would keep the loop from getting there.
    if (error) return;
    this.#flushedCount += 1;
    // Those before it were taken at once, and are told of late.
    if (this.#flushedCount === this.#issuedCount) this.#flushed();
  };

  #flushed(): void {
    const resolve = this.#whenFlushed;
    this.#whenFlushed = undefined;
    resolve?.();
  }
}

class PlainExchange implements Inbound, Outbound {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly httpVersion = "1.1";
  readonly refusal = undefined;
  readonly headOnly = false;
  readonly isDoneWhenSent = true;
  readonly received: ReceivedBody | undefined;
  readonly #connection: PlainConnection;
  readonly #body: ArrivingBody;
  #shouldClose = false;
  #failBody: ((cause: Refusal | ClientGone) => void) | undefined;
  #isBodyUnwanted = false;
  #gone = false;
  #complete = false;
  #isStreamed = false;
  readonly #onGone: (() => void)[] = [];

  /** @param arrived of the body; see {@link keepArrived}. */
  constructor(connection: PlainConnection, { method, path, headers, bodyBytes }: PlainHead, arrived: Buffer) {
    this.#connection = connection;
    this.method = method;
    this.path = path;
    this.headers = headers;
    const isWhole = arrived.length === bodyBytes && bodyBytes < POOLED_BYTES_MIN;
    this.received = isWhole ? ReceivedBody.copyOf(arrived, connection.host.bodies) : undefined;
    this.#body = new ArrivingBody(connection, bodyBytes, this.received?.bytes ?? arrived);
  }

  /** What has arrived is about to be overwritten. */
  keepArrived(): void {
    if (this.received === undefined) this.#body.keepArrived();
  }

  get remoteAddress(): string {
    return this.#connection.remoteAddress;
  }

  get viaTls(): boolean {
    return this.#connection.viaTls;
  }

  /** For a body that is not whole yet, is large, or has to wait for memory. */
  get body(): BodySource {
    const { declaredBytes } = this.#body;
    return {
      flow: this.#body,
      declaredBytes,
      empty: declaredBytes === 0,
      ready: undefined,
      onFailure: (fail) => (this.#failBody = fail),
    };
  }

  /** Takes what belongs to the body and returns what does not. */
  takeBody(bytes: Buffer): Buffer | undefined {
    return this.#isBodyUnwanted ? undefined : this.#body.take(bytes);
  }

  onHalfClose(): void {
    if (this.#body.missingBytes > 0) {
      this.#failBody?.(refusals.malformed("The connection ended in the middle of a request"));
    } else if (this.#isStreamed && !this.#complete) {
      // It may mean that all of the client is gone. A short answer is sent all the same; a stream is not kept up for it.
      this.#leave();
      this.#connection.socket.destroy();
    }
  }

  onClose(): void {
    this.#body.leave();
    if (!this.#complete) this.#leave();
  }

  get gone(): boolean {
    return this.#gone;
  }

  onGone(callback: () => void): void {
    if (this.#gone) callback();
    else this.#onGone.push(callback);
  }

  send(head: AnswerHead, body: readonly Uint8Array[]): Promise<void> | undefined {
    if (this.#gone) return undefined;
    const text = this.#headText(head);
    const [only] = body;
    const connection = this.#connection;
    if (head.bodyBytes === 0 || head.status === 204 || head.status === 304) connection.write(text, []);
    else if (body.length === 1 && only!.length <= JOINED_BYTES_MAX) {
      connection.write(text + asBuffer(only!).toString("latin1"), []);
    } else connection.write(text, body);
    if (!connection.isFlushed) return connection.flushed().then(() => this.#completed());
    this.#completed();
    return undefined;
  }

  begin(head: AnswerHead): void {
    if (this.#gone) return;
    this.#isStreamed = head.bodyBytes === undefined;
    this.#connection.write(this.#headText(head), []);
    if (this.#connection.isEnded) this.onHalfClose();
  }

  write(pieces: readonly Uint8Array[]): Promise<void> {
    let bytes = 0;
    for (const piece of pieces) bytes += piece.length;
    // A chunk of no bytes would be the end.
    if (this.#gone || bytes === 0) return Promise.resolve();
    if (this.#isStreamed) this.#connection.write(`${bytes.toString(16)}\r\n`, [...pieces, CHUNK_END]);
    else this.#connection.write("", pieces);
    return this.#connection.flushed();
  }

  turn(): Turn {
    return FREE_TURN;
  }

  async end(): Promise<void> {
    if (this.#gone) return;
    if (this.#isStreamed) {
      this.#connection.write("0\r\n\r\n", []);
      await this.#connection.flushed();
    }
    this.#completed();
  }

  cut(): void {
    if (!this.#complete) this.#leave();
    this.#connection.socket.destroy();
  }

  /** The last byte of the answer was taken: closes the connection if it is to be closed. */
  #completed(): void {
    if (this.#gone) return;
    this.#complete = true;
    if (!this.#shouldClose) return;
    const { socket, host } = this.#connection;
    if (!this.#isBodyUnwanted) {
      socket.destroySoon();
      return;
    }
    socket.end();
    // Nothing of it is kept.
    this.#connection.setRoom(true);
    linger(host, socket);
  }

  #headText(head: AnswerHead): string {
    const { host, isEnded } = this.#connection;
    let text =
      head.status === 200 ? STATUS_OK : `HTTP/1.1 ${head.status} ${STATUS_CODES[head.status] ?? ""}\r\n`;
    let isDated = false;
    for (const name of Object.keys(head.headers)) {
      const value = head.headers[name]!;
      // A line break in a value would begin a header, or an answer, of somebody else's choice.
      if (UNSAFE_VALUE.test(value))
        throw new TypeError(`the header ${name} has characters that none can have`);
      if (name === "Date" || name === "date") isDated = true;
      text += `${name}: ${value}\r\n`;
    }
    if (!isDated) text += `Date: ${httpDate(host.clock.nowMs())}\r\n`;
    if (head.bodyBytes === undefined) text += "Transfer-Encoding: chunked\r\n";
    else if (head.status !== 204 && head.status !== 304) text += `Content-Length: ${head.bodyBytes}\r\n`;
    this.#isBodyUnwanted = head.unreadBody && this.#body.missingBytes > 0;
    this.#shouldClose = this.#isBodyUnwanted || head.close || host.draining || isEnded;
    if (this.#shouldClose) return `${text}Connection: close\r\n\r\n`;
    return `${text}Connection: keep-alive\r\nKeep-Alive: timeout=${Math.floor(host.limits.idleTimeoutMs / 1_000)}\r\n\r\n`;
  }

  #leave(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#failBody?.(new ClientGone());
    for (const callback of this.#onGone.splice(0)) callback();
  }
}

const STATUS_OK = "HTTP/1.1 200 OK\r\n";
const CHUNK_END = Buffer.from("\r\n");
const UNSAFE_VALUE = /[^\t\x20-\x7e\x80-\xff]/;
