import { createServer as createTcpServer } from "node:net";
import type { AddressInfo, Server as TcpServer, Socket } from "node:net";
import type { Server as TlsServer, TLSSocket } from "node:tls";
import { Roster, sharedBytes } from "@millrace/runtime";
import type { Clock, Enrolled, Logger, MemoryBudget } from "@millrace/runtime";
import type { WireService } from "../exchange.ts";
import { BodyMemory } from "./body-memory.ts";
import { Deadlines } from "./deadlines.ts";
import type { Deadline } from "./deadlines.ts";
import { newCounters } from "./host.ts";
import type { ListenerCounters, ListenerHost } from "./host.ts";
import { http1, refuseRaw } from "./http1.ts";
import type { Http1 } from "./http1.ts";
import { http2 } from "./http2.ts";
import type { Http2, Http2Connection } from "./http2.ts";
import { Incoming, READ_BYTES, takeConnections } from "./incoming.ts";
import { LISTENER_LIMITS } from "./limits.ts";
import type { ListenerLimits } from "./limits.ts";
import { LoopShare } from "./loop-share.ts";
import { plainHttp1 } from "./plain-http1.ts";
import type { PlainHttp1 } from "./plain-http1.ts";
import { refusalBytes, refusals } from "./refusal.ts";

export interface ListenOptions {
  /** Address or name to bind, e.g. `127.0.0.1`. */
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** Of a socket of this process that listens already, on that host and port: connections are then taken from it. */
  readonly descriptor?: number;
  /**
   * Whether other threads take connections from the same socket. It is then never closed here: each of them would close the
   * descriptor by its number, which may be another file's by then. A listener that drains drops what it still accepts. Default: false.
   */
  readonly isShared?: boolean;
  /** PEM. With it the port speaks TLS too; the first byte of a connection decides. */
  readonly tls?: { readonly cert: string | Buffer; readonly key: string | Buffer };
  /** Overrides of {@link LISTENER_LIMITS}. */
  readonly limits?: Partial<ListenerLimits>;
  readonly memory: MemoryBudget;
  /** Whether large bodies are read into memory that other threads see, for a service that hands them on. Default: false. */
  readonly sharedBodies?: boolean;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface Listener {
  /** Where a client on this machine reaches it: `http://…`, and `https://…` when TLS is given. */
  readonly urls: readonly string[];
  readonly host: string;
  readonly port: number;
  /** By which other threads of this process can take connections from the same socket; undefined where there are none. */
  readonly descriptor: number | undefined;
  stats(): ListenerStats;
  /**
   * Takes no more connections, closes idle ones, ends streams in good order, lets requests in flight finish, and
   * breaks off what is still open after `graceMs`. Resolves, when the last socket is closed and the service is done
   * with every request, to the number of connections that had to be broken off.
   */
  drain(graceMs: number): Promise<number>;
  /** Breaks off everything at once. */
  close(): Promise<void>;
}

export type ListenerStats = Readonly<Omit<ListenerCounters, "refusedTotal">> & {
  readonly refusedTotal: ReadonlyMap<number, number>;
};

/** As much as bodies take of a small budget, of which half is for what is made of them. */
const IDLE_BODY_BYTES_MAX = 32 * 1024 * 1024;

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");
const TLS_HANDSHAKE = 0x16;
/** A fatal `handshake_failure` alert, for a client that speaks TLS to a port without a certificate. */
const TLS_REFUSED = Buffer.from([0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x28]);

/**
 * Listens on one port that speaks HTTP/1.1 and HTTP/2 (with prior knowledge), in the clear and, with a
 * certificate, inside TLS (ALPN).
 *
 * @throws Node's error (`EADDRINUSE`, `EACCES`, `EADDRNOTAVAIL`, …) when the port cannot be had, and TLS errors
 * for an unusable certificate or key.
 */
export async function listen(service: WireService, options: ListenOptions): Promise<Listener> {
  const limits: ListenerLimits = { ...LISTENER_LIMITS, ...options.limits };
  const counters = newCounters();
  const host: ListenerHost = {
    service,
    limits,
    memory: options.memory,
    bodies: new BodyMemory({
      idleBytesMax: Math.min(IDLE_BODY_BYTES_MAX, options.memory.limitBytes / 2),
      ...(options.sharedBodies === true ? { allocate: sharedBytes } : {}),
    }),
    loopShare: new LoopShare(options.clock, () => counters.waitingForMemory > 0),
    clock: options.clock,
    deadlines: new Deadlines(options.clock, Math.min(250, Math.max(10, limits.headerTimeoutMs / 8))),
    log: options.log,
    counters,
    draining: false,
    openStreams: new Set(),
    onIdle: () => {},
  };
  const doors = new Doors(host, options);
  try {
    await bind(doors.tcp, options);
    doors.open();
  } catch (error) {
    doors.closeAll();
    throw error;
  }
  const address = doors.tcp.address() as AddressInfo;
  const shown = shownHost(address.address);
  const schemes = options.tls === undefined ? ["http"] : ["http", "https"];
  return {
    urls: schemes.map((scheme) => `${scheme}://${shown}:${address.port}`),
    host: address.address,
    port: address.port,
    descriptor: descriptorOf(doors.tcp),
    stats: () => ({ ...host.counters, refusedTotal: new Map(host.counters.refusedTotal) }),
    drain: (graceMs) => doors.drain(graceMs),
    close: async () => {
      await doors.drain(0);
    },
  };
}

function bind(server: TcpServer, options: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    const { host, port, descriptor } = options;
    const where = descriptor === undefined ? { host, port } : { fd: descriptor };
    server.listen({ ...where, backlog: 1024 }, () => {
      server.off("error", reject);
      server.on("error", (error) =>
        options.log.error("a connection could not be accepted", { cause: error.message }),
      );
      resolve();
    });
  });
}

/** Node tells it only for itself: its cluster module shares sockets by it. */
function descriptorOf(server: TcpServer): number | undefined {
  const { _handle: handle } = server as unknown as { _handle?: { fd?: unknown } };
  return typeof handle?.fd === "number" && handle.fd >= 0 ? handle.fd : undefined;
}

function shownHost(address: string): string {
  if (address === "0.0.0.0" || address === "::") return "localhost";
  return address.includes(":") ? `[${address}]` : address;
}

/** From the first byte to the last, whatever it speaks. */
class Connection implements Enrolled {
  place = -1;
  readonly socket: Socket;
  /** Whether it has not yet said what it speaks. */
  isSilent = true;
  /** For saying it. */
  deadline: Deadline | undefined;
  http2: Http2Connection | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
  }
}

/** The sockets of one listener and the three servers that they are told apart for. */
class Doors {
  readonly tcp: TcpServer;
  readonly #host: ListenerHost;
  readonly #isShared: boolean;
  readonly #readMemory = Buffer.allocUnsafeSlow(READ_BYTES);
  readonly #http1: Http1;
  readonly #plainHttp1: PlainHttp1;
  readonly #http2: Http2;
  readonly #tls: TlsServer | undefined;
  readonly #connections = new Roster<Connection>();
  /** Those whose TLS handshake goes on, by what both layers know: the pair of addresses. */
  readonly #handshaking = new Map<string, Connection>();
  #allClosed: () => void = () => {};
  readonly #onError = (error: Error): void =>
    this.#host.log.debug("a connection failed", { cause: error.message });

  constructor(host: ListenerHost, { tls, isShared = false }: Pick<ListenOptions, "tls" | "isShared">) {
    this.#host = host;
    this.#isShared = isShared;
    this.tcp = createTcpServer({ allowHalfOpen: true }, (socket) => this.#accept(new Incoming(socket)));
    this.#tls = tls === undefined ? undefined : this.#tlsServer(tls);
    this.#http1 = http1(host);
    this.#plainHttp1 = plainHttp1(host, this.#http1);
    this.#http2 = http2(host);
  }

  /** To be called when the server listens. */
  open(): void {
    takeConnections(this.tcp, this.#readMemory, (incoming) => this.#accept(incoming));
  }

  #tlsServer({ cert, key }: NonNullable<ListenOptions["tls"]>): TlsServer {
    // Loaded only where there is a certificate, because a start waits for it.
    const server = process.getBuiltinModule("node:tls").createServer({
      cert,
      key,
      ALPNProtocols: ["h2", "http/1.1"],
      handshakeTimeout: this.#host.limits.headerTimeoutMs,
      allowHalfOpen: true,
    });
    server.on("secureConnection", (socket) => this.#acceptSecure(socket));
    server.on("tlsClientError", (error, socket) => {
      this.#host.log.debug("a TLS handshake failed", { cause: error.message, peer: socket.remoteAddress });
      socket.destroy();
    });
    return server;
  }

  #accept(incoming: Incoming): void {
    const { counters, limits } = this.#host;
    const { socket } = incoming;
    this.#host.loopShare.accepted();
    socket.on("error", this.#onError);
    socket.setNoDelay();
    if (this.#isShared && this.#host.draining) {
      socket.destroy();
      return;
    }
    if (this.#connections.size >= limits.connectionCountMax) {
      counters.connectionsRefusedTotal += 1;
      // Nobody waits for this client to read: what the kernel takes of the answer at once is all it gets.
      socket.write(refusalBytes(refusals.tooManyConnections()), () => socket.destroy());
      return;
    }
    const connection = new Connection(socket);
    this.#connections.add(connection);
    counters.connections += 1;
    counters.connectionsTotal += 1;
    socket.on("close", () => this.#forget(connection));
    this.#sniff(incoming, connection);
  }

  #forget(connection: Connection): void {
    this.#connections.delete(connection);
    connection.deadline?.clear();
    this.#host.counters.connections -= 1;
    if (this.#connections.size === 0) this.#allClosed();
  }

  /** Reads until the protocol is plain, which the first chunk nearly always settles, and puts the bytes back. */
  #sniff(incoming: Incoming, connection: Connection): void {
    const { socket } = incoming;
    let seen: Buffer | undefined;
    connection.deadline = this.#host.deadlines.start(this.#host.limits.headerTimeoutMs, () => {
      refuseRaw(this.#host, socket, refusals.tooSlow("The request"));
    });
    const onEnd = () => socket.destroy();
    incoming.listenFirst((part) => {
      const bytes = seen === undefined ? part : Buffer.concat([seen, part]);
      const protocol = protocolOf(bytes);
      if (protocol === undefined) {
        seen = Buffer.from(bytes);
        return;
      }
      connection.deadline?.clear();
      connection.isSilent = false;
      incoming.listen();
      socket.off("end", onEnd);
      if (protocol === "http1") {
        this.#plainHttp1.accept(incoming, bytes);
        return;
      }
      if (protocol === "http2") incoming.handBack(bytes);
      else incoming.putBack(bytes);
      this.#hand(connection, protocol);
    });
    socket.on("end", onEnd);
  }

  #hand(connection: Connection, protocol: "http2" | "tls"): void {
    const { socket } = connection;
    switch (protocol) {
      case "http2":
        connection.http2 = this.#http2.accept(socket, socket, false);
        return;
      case "tls":
        if (this.#tls !== undefined) {
          const pair = pairOf(socket);
          this.#handshaking.set(pair, connection);
          socket.once("close", () => {
            if (this.#handshaking.get(pair) === connection) this.#handshaking.delete(pair);
          });
          this.#tls.emit("connection", socket);
          return;
        }
        this.#host.log.info("a client spoke TLS, but no certificate is set up", {
          peer: socket.remoteAddress,
        });
        socket.resume();
        socket.end(TLS_REFUSED, () => socket.destroy());
    }
  }

  #acceptSecure(socket: TLSSocket): void {
    const connection = this.#handshaking.get(pairOf(socket));
    this.#handshaking.delete(pairOf(socket));
    const tcp = connection?.socket ?? socket;
    socket.on("error", (error) => this.#host.log.debug("a TLS connection failed", { cause: error.message }));
    if (this.#host.draining) {
      socket.destroy();
      return;
    }
    if (socket.alpnProtocol !== "h2") {
      this.#plainHttp1.accept(new Incoming(socket));
      return;
    }
    const accepted = this.#http2.accept(socket, tcp, true);
    if (connection !== undefined) connection.http2 = accepted;
  }

  async drain(graceMs: number): Promise<number> {
    const host = this.#host;
    host.draining = true;
    if (this.#isShared) this.tcp.unref();
    else this.tcp.close();
    const closed = new Promise<void>((resolve) => {
      this.#allClosed = resolve;
      if (this.#connections.size === 0) resolve();
    });
    let brokenCount = 0;
    if (graceMs > 0) {
      const connections = this.#connections.all();
      for (const { isSilent, socket } of connections) if (isSilent) socket.destroy();
      this.#http1.closeIdle();
      this.#plainHttp1.closeIdle();
      for (const { http2 } of connections) http2?.drain();
      for (const end of [...host.openStreams]) end();
      const timer = host.clock.schedule(graceMs, () => {
        brokenCount = this.#breakOff();
      });
      // Connections become idle one after the other while their last answers leave.
      await closed;
      timer.cancel();
    } else {
      brokenCount = this.#breakOff();
      await closed;
    }
    await this.#requestsDone();
    this.closeAll();
    return brokenCount;
  }

  /** What a client has left is still worked on, and what the work stands on must outlive it. */
  #requestsDone(): Promise<void> {
    const host = this.#host;
    if (host.counters.requestsInFlight === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = host.clock.schedule(host.limits.settleMs, () => {
        host.log.warn("requests are still worked on", { count: host.counters.requestsInFlight });
        resolve();
      });
      host.onIdle = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  #breakOff(): number {
    const connections = this.#connections.all();
    for (const { http2 } of connections) http2?.destroy();
    for (const { socket } of connections) socket.destroy();
    return connections.length;
  }

  closeAll(): void {
    this.#http1.close();
    this.#host.deadlines.stop();
  }
}

function pairOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort} ${socket.localAddress}`;
}

type Protocol = "http1" | "http2" | "tls";

/** Undefined while the bytes are still a beginning of the HTTP/2 preface. */
function protocolOf(bytes: Buffer): Protocol | undefined {
  if (bytes[0] === TLS_HANDSHAKE) return "tls";
  const compared = Math.min(bytes.length, PREFACE.length);
  if (!bytes.subarray(0, compared).equals(PREFACE.subarray(0, compared))) return "http1";
  return compared === PREFACE.length ? "http2" : undefined;
}
