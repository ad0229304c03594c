/** A raw connection to a server: bytes out, answers in, in order. */
import { connect, type Socket } from "node:net";
import { performance } from "node:perf_hooks";
import { type AnswerHead, AnswerReader } from "./answer-reader.ts";

export interface ConnectionOptions {
  readonly endpoint: string;
  /** Bodies of answers with status 200 are wanted. Others always are: they tell errors. */
  readonly keepBodies: boolean;
  /**
   * Each answer. `body` is empty unless it is kept, and holds until this returns. `endedMs` is when its last byte came, by
   * `performance.now()`: the call itself waits for a new connection when the server has closed this one.
   */
  readonly onAnswer: (head: AnswerHead, body: Buffer, endedMs: number) => void;
  /** Instead of `onAnswer`, pieces of successful answers as they arrive. They hold until this returns. */
  readonly onPiece?: (piece: Buffer) => void;
  /** The connection is gone although answers were awaited, or could not be made. */
  readonly onBroken: (reason: string) => void;
}

const READ_BYTES = 256 * 1_024;

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #reader: AnswerReader;
  #socket: Socket;
  #head: AnswerHead | undefined;
  #body: Buffer = Buffer.alloc(4_096);
  #bodyBytes = 0;
  #awaitedCount = 0;
  #isDone = false;

  private constructor(options: ConnectionOptions, socket: Socket) {
    this.#options = options;
    this.#reader = new AnswerReader({
      head: (head) => {
        this.#head = head;
        this.#bodyBytes = 0;
        return options.keepBodies || head.status !== 200;
      },
      piece: (bytes) => this.#take(bytes),
      end: () => this.#endAnswer(),
    });
    this.#socket = socket;
  }

  /** Resolves when the connection stands. */
  static async open(options: ConnectionOptions): Promise<Connection> {
    const connection = new Connection(options, undefined as unknown as Socket);
    await connection.#connect();
    return connection;
  }

  get receivedBytes(): number {
    return this.#reader.receivedBytes;
  }

  send(request: Buffer): void {
    this.#awaitedCount += 1;
    this.#socket.write(request);
  }

  close(): void {
    this.#isDone = true;
    this.#socket.destroy();
  }

  #connect(): Promise<void> {
    const { hostname, port } = new URL(this.#options.endpoint);
    const buffer = Buffer.allocUnsafe(READ_BYTES);
    return new Promise((resolve, reject) => {
      const socket = connect({
        host: hostname,
        port: Number(port),
        noDelay: true,
        onread: {
          buffer,
          callback: (count) => {
            try {
              this.#reader.push(buffer.subarray(0, count));
            } catch (error) {
              this.#break(String(error));
            }
            return true;
          },
        },
      });
      this.#socket = socket;
      socket.once("connect", resolve);
      socket.on("error", (error) => {
        reject(error);
        if (socket === this.#socket) this.#break(error.message);
      });
      socket.on("close", () => {
        if (socket !== this.#socket || this.#isDone) return;
        if (!this.#reader.close() || this.#awaitedCount > 0) this.#break("the server closed the connection");
      });
    });
  }

  #take(bytes: Buffer): void {
    if (this.#options.onPiece !== undefined && this.#head?.status === 200) {
      this.#options.onPiece(bytes);
      return;
    }
    const neededBytes = this.#bodyBytes + bytes.length;
    if (neededBytes > this.#body.length) {
      const grown = Buffer.allocUnsafe(Math.max(neededBytes, 2 * this.#body.length));
      this.#body.copy(grown, 0, 0, this.#bodyBytes);
      this.#body = grown;
    }
    bytes.copy(this.#body, this.#bodyBytes);
    this.#bodyBytes = neededBytes;
  }

  #endAnswer(): void {
    const head = this.#head!;
    this.#awaitedCount -= 1;
    const endedMs = performance.now();
    const answer = () => this.#options.onAnswer(head, this.#body.subarray(0, this.#bodyBytes), endedMs);
    if (!head.closes) {
      answer();
      return;
    }
    // Some servers close behind every answer: the next request needs a connection of its own.
    if (this.#awaitedCount > 0) {
      this.#break("the server closed the connection before it had answered everything");
      return;
    }
    const old = this.#socket;
    old.destroy();
    this.#connect().then(answer, (error: unknown) => this.#break(String(error)));
  }

  #break(reason: string): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#socket.destroy();
    this.#options.onBroken(reason);
  }
}
