/**
 * Bytes of sockets as they come. All connections of a thread are read into one piece of memory, because Node makes a fresh
 * one for every read, and the garbage collector then goes through the whole heap every 64 MB of traffic.
 */
import { Socket } from "node:net";
import type { OnReadOpts, Server, SocketConstructorOpts } from "node:net";

/** As much as the system is asked for at once. */
export const READ_BYTES = 64 * 1024;
/**
 * The same where a request may begin. What comes with its head has to be kept when there is no memory for the body, and
 * there may be many such requests: the rest of it waits in the socket.
 */
const FIRST_READ_BYTES = 24 * 1024;

/** @param bytes to be looked at during the call only: the next read goes to the same place. */
export type BytesListener = (bytes: Buffer) => void;

/** Of a connection that was accepted, as Node shares it between its own modules. */
export interface ReadingHandle {
  readonly useUserBuffer: (memory: Buffer) => void;
}

/**
 * Has connections of a server that listens read into `memory`. Node's server makes a socket for each, which would have to give its
 * connection to one that reads there, so each is taken before. Those without such a handle (of another runtime, of a future
 * Node) come as events of the server, as ever.
 */
export function takeConnections(server: Server, memory: Buffer, take: (incoming: Incoming) => void): void {
  const { _handle: listening } = server as unknown as { _handle?: { onconnection?: unknown } | null };
  const standard = listening?.onconnection;
  if (listening === undefined || listening === null || typeof standard !== "function") return;
  listening.onconnection = (status: number, handle: Partial<ReadingHandle> | undefined): void => {
    if (status === 0 && typeof handle?.useUserBuffer === "function")
      take(Incoming.reading(handle as ReadingHandle, memory));
    else Reflect.apply(standard, listening, [status, handle]);
  };
}

export class Incoming {
  readonly socket: Socket;
  #listener: BytesListener | undefined;
  /** Whether there is room for as much as can be read at once. */
  #hasRoom = false;

  /** Whether bytes come from the memory that they are read into, and not as events. */
  readonly #isRead: boolean;

  /** Reads a socket the way Node does. */
  constructor(socket: Socket, isRead = false) {
    this.socket = socket;
    this.#isRead = isRead;
  }

  /**
   * Reads a connection, by its handle, into `memory`. Node offers that to clients only, so the connection gets a socket of
   * that kind.
   */
  static reading(handle: ReadingHandle, memory: Buffer): Incoming {
    const first = memory.subarray(0, FIRST_READ_BYTES);
    // Asked for when the socket is made, and after each read for the next: nothing says that it stays the same.
    let forNextRead: () => Buffer | undefined = () => first;
    const options: SocketConstructorOpts & { handle: unknown; onread: OnReadOpts } = {
      handle,
      allowHalfOpen: true,
      onread: {
        buffer: () => forNextRead() as Buffer,
        callback: (count) => incoming.#received(memory.subarray(0, count)),
      },
    };
    const incoming: Incoming = new Incoming(new Socket(options), true);
    let given = first;
    forNextRead = () => {
      const wanted = incoming.takesLargePieces ? memory : first;
      return wanted === given ? undefined : (given = wanted);
    };
    return incoming;
  }

  /** Those who read the socket as a stream bound what they read by themselves. */
  get takesLargePieces(): boolean {
    return this.#hasRoom || this.#listener === undefined;
  }

  /** Says whether what comes next belongs to a body that there is memory for. */
  setRoom(hasRoom: boolean): void {
    this.#hasRoom = hasRoom;
  }

  /** Tells `listener` of what comes first, before anything can have been put back. */
  listenFirst(listener: BytesListener): void {
    this.#listener = listener;
    if (!this.#isRead) this.socket.on("data", listener);
  }

  /** From now on tells `listener`; without one the socket is a stream like any other. */
  listen(listener?: BytesListener): void {
    const { socket } = this;
    // Bytes that were put back come as events.
    if (this.#listener !== undefined) socket.off("data", this.#listener);
    this.#listener = listener;
    if (listener !== undefined) socket.on("data", listener);
  }

  /** Puts a copy of `bytes` back in front of what is still to come, and reads nothing until the socket is resumed. */
  putBack(bytes: Buffer): void {
    this.socket.pause();
    this.socket.unshift(Buffer.from(bytes));
  }

  /** The same for a taker that reads on at once. */
  handBack(bytes: Buffer): void {
    // Where nothing comes as an event there is no flow to be stopped, and stopping and starting to read are calls of the system.
    if (!this.#isRead) this.socket.pause();
    this.socket.unshift(Buffer.from(bytes));
  }

  /** False to read no more for now. */
  #received(bytes: Buffer): boolean {
    const { socket } = this;
    if (this.#listener === undefined || socket.readableLength > 0) return socket.push(Buffer.from(bytes));
    this.#listener(bytes);
    return true;
  }
}
