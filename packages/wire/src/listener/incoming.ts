/**
 * Bytes of sockets as they come. All connections of a thread are read into one piece of memory, because Node makes a fresh
 * one for every read, and the garbage collector then goes through the whole heap every 64 MB of traffic.
 */
import { Socket } from "node:net";
import type { OnReadOpts, SocketConstructorOpts } from "node:net";

/** As much as the system is asked for at once. */
export const READ_BYTES = 64 * 1024;
/**
 * The same where a request may begin. What comes with its head has to be kept when there is no memory for the body, and
 * there may be many such requests: the rest of it waits in the socket.
 */
const FIRST_READ_BYTES = 24 * 1024;

/** @param bytes to be looked at during the call only: the next read goes to the same place. */
export type BytesListener = (bytes: Buffer) => void;

export class Incoming {
  readonly socket: Socket;
  #listener: BytesListener | undefined;
  /** Whether there is room for as much as can be read at once. */
  #hasRoom = false;

  /** Reads a socket the way Node does. */
  constructor(socket: Socket) {
    this.socket = socket;
  }

  /**
   * Takes over a connection that a server has accepted, paused, and whose own object nobody needs any more. Node offers to
   * read into given memory to clients only, so the connection gets a socket of that kind; where there is no such handle
   * it stays as it is.
   */
  static accept(accepted: Socket, memory: Buffer): Incoming {
    const { _handle: handle } = accepted as unknown as { _handle?: { useUserBuffer?: unknown } | null };
    if (typeof handle?.useUserBuffer !== "function") {
      accepted.resume();
      return new Incoming(accepted);
    }
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
    const incoming: Incoming = new Incoming(new Socket(options));
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

  /** False to read no more for now. */
  #received(bytes: Buffer): boolean {
    const { socket } = this;
    if (this.#listener === undefined || socket.readableLength > 0) return socket.push(Buffer.from(bytes));
    this.#listener(bytes);
    return true;
  }
}
