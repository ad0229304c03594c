/** What the listener's tests share: a listener on a free port, a service that echoes, raw clients. */
import { connect as connectHttp2 } from "node:http2";
import type { ClientHttp2Session, ClientHttp2Stream, OutgoingHttpHeaders } from "node:http2";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { MemoryBudget, nodeRuntime } from "@millrace/runtime";
import type { LogFields, Logger } from "@millrace/runtime";
import type { WireRequest, WireResponse, WireService } from "../exchange.ts";
import { listen } from "./listen.ts";
import type { Listener, ListenOptions } from "./listen.ts";
import { LOCAL_HOSTS, selfSignedCertificate } from "./self-signed-certificate.ts";

export const clock = nodeRuntime().clock;

export const tls = selfSignedCertificate({
  hosts: LOCAL_HOSTS,
  validFromMs: clock.nowMs() - 60_000,
  validToMs: clock.nowMs() + 86_400_000,
  serial: Buffer.from("0123456789abcdef"),
});

export interface TestListener extends Listener {
  readonly memory: MemoryBudget;
  readonly logged: string[];
}

export async function startListener(
  service: WireService,
  options: Partial<Omit<ListenOptions, "memory">> & { memoryBytes?: number } = {},
): Promise<TestListener> {
  const { memoryBytes = 64 * 1024 * 1024, ...rest } = options;
  const memory = new MemoryBudget(memoryBytes);
  const logged: string[] = [];
  const note = (message: string, fields?: LogFields) =>
    void logged.push(`${message} ${JSON.stringify(fields ?? {})}`);
  const log: Logger = { debug: () => {}, info: note, warn: note, error: note };
  const listener = await listen(service, { host: "127.0.0.1", port: 0, memory, clock, log, ...rest });
  return { ...listener, memory, logged };
}

/** Answers what it got. */
export const echo: WireService = (request) => Promise.resolve(json(200, describe(request)));

export function json(status: number, value: unknown): WireResponse {
  return {
    status,
    headers: { "content-type": "application/json" },
    body: Buffer.from(JSON.stringify(value)),
  };
}

function describe(request: WireRequest) {
  const { method, path, headers, body, httpVersion, viaTls, remoteAddress } = request;
  return {
    method,
    path,
    headers,
    body: Buffer.from(body).toString("latin1"),
    httpVersion,
    viaTls,
    remoteAddress,
  };
}

/** A client that says exactly what it is told. */
export class RawClient {
  readonly socket: Socket;
  received = Buffer.alloc(0);
  closed = false;
  readonly #waiters = new Set<() => void>();

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk) => {
      this.received = Buffer.concat([this.received, chunk]);
      this.#wake();
    });
    socket.on("error", () => {});
    socket.on("end", () => {
      this.closed = true;
      this.#wake();
    });
    socket.on("close", () => {
      this.closed = true;
      this.#wake();
    });
  }

  static open(port: number): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        resolve(new RawClient(socket));
      });
    });
  }

  /** A client of HTTP/2 inside TLS. */
  static openTls(port: number): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const socket = connectTls({ port, host: "127.0.0.1", ca: tls.cert, ALPNProtocols: ["h2"] });
      socket.once("error", reject);
      socket.once("secureConnect", () => {
        socket.off("error", reject);
        resolve(new RawClient(socket));
      });
    });
  }

  send(bytes: string | Buffer): void {
    this.socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
  }

  get text(): string {
    return this.received.toString("latin1");
  }

  /** Resolves when what was received so far satisfies `enough`, or the connection is closed. */
  async until(enough: (text: string) => boolean): Promise<string> {
    while (!enough(this.text) && !this.closed)
      await new Promise<void>((resolve) => this.#waiters.add(resolve));
    return this.text;
  }

  end(): Promise<string> {
    return this.until(() => false);
  }

  destroy(): void {
    this.socket.destroy();
  }

  #wake(): void {
    for (const waiter of this.#waiters) waiter();
    this.#waiters.clear();
  }
}

/** Sends bytes on a connection of their own and collects everything until the server closes it. */
export async function exchangeRaw(port: number, bytes: string | Buffer): Promise<string> {
  const client = await RawClient.open(port);
  client.send(bytes);
  const text = await client.end();
  client.destroy();
  return text;
}

export interface Http2Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

export function openHttp2(url: string, options: Parameters<typeof connectHttp2>[1] = {}): ClientHttp2Session {
  const session = connectHttp2(url, options);
  session.on("error", () => {});
  return session;
}

export function answerOf(stream: ClientHttp2Stream): Promise<Http2Answer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let head: Record<string, unknown> = {};
    stream.on("response", (headers) => (head = headers));
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("error", reject);
    stream.on("close", () => {
      if (head[":status"] === undefined) reject(new Error(`no answer, reset with ${stream.rstCode}`));
      else
        resolve({
          status: Number(head[":status"]),
          headers: head,
          body: Buffer.concat(chunks).toString("latin1"),
        });
    });
  });
}

export function request2(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  body?: string | Buffer,
): Promise<Http2Answer> {
  const stream = session.request({
    ":path": "/",
    ":method": body === undefined ? "GET" : "POST",
    ...headers,
  });
  const answer = answerOf(stream);
  stream.end(body);
  return answer;
}

export function post(body: string | Buffer, headers: Record<string, string | number> = {}): Buffer {
  const bytes = typeof body === "string" ? Buffer.from(body, "latin1") : body;
  const lines = ["POST / HTTP/1.1", "host: localhost"];
  for (const [name, value] of Object.entries({ "content-length": bytes.length, ...headers }))
    lines.push(`${name}: ${value}`);
  return Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), bytes]);
}

/** Waits for a condition that other code is about to bring about. */
export async function eventually(holds: () => boolean, what: string): Promise<void> {
  const deadlineMs = clock.monotonicMs() + 15_000;
  while (!holds()) {
    if (clock.monotonicMs() > deadlineMs) throw new Error(`it did not come about: ${what}`);
    await clock.sleep(2);
  }
}

/** Two promise handles in one, to hold something up and let it go. */
export function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

/** Client preface, SETTINGS with an initial window for streams, and a connection window; both at least the default. */
export function http2Preface(streamWindowBytes: number, connectionWindowBytes = streamWindowBytes): Buffer {
  const setting = Buffer.alloc(6);
  setting.writeUInt16BE(4, 0);
  setting.writeUInt32BE(streamWindowBytes, 2);
  return Buffer.concat([
    Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    frame(4, 0, 0, setting),
    http2WindowUpdate(0, connectionWindowBytes - 65_535),
  ]);
}

/** Opens the window of a stream, or of the connection for 0, by so much. */
export function http2WindowUpdate(streamId: number, bytes: number): Buffer {
  const increment = Buffer.alloc(4);
  increment.writeUInt32BE(bytes);
  return frame(8, 0, streamId, increment);
}

/** The client wants no more of a stream. */
export function http2Reset(streamId: number): Buffer {
  return frame(3, 0, streamId, Buffer.of(0, 0, 0, 8));
}

export function http2Get(path: string, streamId: number): Buffer {
  // HPACK without compression: indexed :method GET and :scheme http, then literal :path and :authority.
  const block = Buffer.concat([
    Buffer.of(0x82, 0x86, 0x04, path.length),
    Buffer.from(path),
    Buffer.of(0x01, 1),
    Buffer.from("x"),
  ]);
  return frame(1, 0x5, streamId, block);
}

function frame(type: number, flags: number, streamId: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(streamId, 5);
  return Buffer.concat([head, payload]);
}
