/** Reads HTTP/1.1 answers off a connection: the status line, where the body ends, and no more. */

export interface AnswerHead {
  readonly status: number;
  /** As it came, lines and all. */
  readonly text: string;
  /** The server closes the connection behind this answer. */
  readonly closes: boolean;
}

export interface AnswerListener {
  /** A head has come. Says whether pieces of the body are wanted. */
  head(head: AnswerHead): boolean;
  /** A piece of a wanted body. A view that holds until this returns. */
  piece(bytes: Buffer): void;
  /** The answer is complete. */
  end(): void;
}

type State =
  | "head"
  /** Of known length. */
  | "body"
  | "chunk size"
  | "chunk"
  /** The line end behind a chunk. */
  | "chunk end"
  | "trailer"
  | "until close";

const HEAD_END = Buffer.from("\r\n\r\n");
const LINE_END = Buffer.from("\r\n");
const HEAD_BYTES_MAX = 64 * 1_024;

export class AnswerReader {
  readonly #listener: AnswerListener;
  #state: State = "head";
  /** The start of a head or a line whose end has not come. */
  #held: Buffer = Buffer.alloc(0);
  #leftBytes = 0;
  #isWanted = false;
  receivedBytes = 0;

  constructor(listener: AnswerListener) {
    this.#listener = listener;
  }

  /** Takes what has arrived. @throws {Error} when it is no HTTP/1.1. */
  push(arrived: Buffer): void {
    this.receivedBytes += arrived.length;
    let bytes = arrived;
    while (bytes.length > 0) {
      switch (this.#state) {
        case "head":
          bytes = this.#takeHead(bytes);
          break;
        case "body":
        case "chunk":
          bytes = this.#takeBody(bytes);
          break;
        case "until close":
          if (this.#isWanted) this.#listener.piece(bytes);
          return;
        default:
          bytes = this.#takeLine(bytes);
      }
    }
  }

  /** The connection was closed in good order. True when that is no surprise: between answers, or behind one without length. */
  close(): boolean {
    if (this.#state === "until close") {
      this.#state = "head";
      this.#listener.end();
    }
    return this.#state === "head" && this.#held.length === 0;
  }

  #takeHead(arrived: Buffer): Buffer {
    const bytes = this.#withHeld(arrived);
    const end = bytes.indexOf(HEAD_END);
    if (end < 0) return this.#hold(bytes);
    const text = bytes.toString("latin1", 0, end + 2);
    const [, minor, status = ""] = /^HTTP\/1\.([01]) (\d{3})/.exec(text) ?? [];
    if (minor === undefined) throw new Error(`no HTTP/1.1 answer: ${text.slice(0, 100)}`);
    const length = /\r\ncontent-length: *(\d+)/i.exec(text)?.[1];
    const connection = /\r\nconnection: *([\w-]+)/i.exec(text)?.[1]?.toLowerCase();
    const closes = connection === "close" || (minor === "0" && connection !== "keep-alive");
    this.#isWanted = this.#listener.head({ status: Number(status), text, closes });
    const rest = bytes.subarray(end + HEAD_END.length);
    if (/\r\ntransfer-encoding: *chunked/i.test(text)) this.#state = "chunk size";
    else if (length === undefined) this.#state = "until close";
    else {
      this.#leftBytes = Number(length);
      this.#state = "body";
      if (this.#leftBytes === 0) this.#endAnswer();
    }
    return rest;
  }

  #takeBody(bytes: Buffer): Buffer {
    const taken = Math.min(this.#leftBytes, bytes.length);
    if (this.#isWanted) this.#listener.piece(bytes.length === taken ? bytes : bytes.subarray(0, taken));
    this.#leftBytes -= taken;
    if (this.#leftBytes === 0) {
      if (this.#state === "body") this.#endAnswer();
      else this.#state = "chunk end";
    }
    return bytes.subarray(taken);
  }

  #takeLine(arrived: Buffer): Buffer {
    const bytes = this.#withHeld(arrived);
    const end = bytes.indexOf(LINE_END);
    if (end < 0) return this.#hold(bytes);
    if (this.#state === "chunk end") this.#state = "chunk size";
    else if (this.#state === "chunk size") {
      this.#leftBytes = Number.parseInt(bytes.toString("latin1", 0, end), 16);
      if (Number.isNaN(this.#leftBytes)) throw new Error("a chunk has no size");
      this.#state = this.#leftBytes === 0 ? "trailer" : "chunk";
    } else if (end === 0) this.#endAnswer();
    return bytes.subarray(end + LINE_END.length);
  }

  #endAnswer(): void {
    this.#state = "head";
    this.#listener.end();
  }

  #withHeld(arrived: Buffer): Buffer {
    if (this.#held.length === 0) return arrived;
    const bytes = Buffer.concat([this.#held, arrived]);
    this.#held = Buffer.alloc(0);
    return bytes;
  }

  #hold(bytes: Buffer): Buffer {
    if (bytes.length > HEAD_BYTES_MAX) throw new Error("the head of an answer does not end");
    // What arrived is overwritten by what arrives next.
    this.#held = Buffer.from(bytes);
    return Buffer.alloc(0);
  }
}
