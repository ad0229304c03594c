/** The body of a plain request, from its first bytes, which came with the head, to its last. */
import type { BodyFlow, BodySink } from "./request-body.ts";

/** What it comes from. */
export interface BodyConnection {
  pauseReading(): void;
  readOn(): void;
  /** Whether what comes next belongs to a body that there is memory for. */
  setRoom(hasRoom: boolean): void;
}

const NOTHING = Buffer.alloc(0);

export class ArrivingBody implements BodyFlow {
  readonly isLent = true;
  readonly declaredBytes: number;
  readonly #connection: BodyConnection;
  /** What nobody has asked for yet. */
  #arrived: Buffer;
  #missingBytes: number;
  #sink: BodySink | undefined;
  #isStarted = false;
  #isPaused = false;
  #isGone = false;

  /** @param arrived is looked at during this turn of the loop only, unless {@link keepArrived} is called. */
  constructor(connection: BodyConnection, declaredBytes: number, arrived: Buffer) {
    this.#connection = connection;
    this.declaredBytes = declaredBytes;
    this.#arrived = arrived;
    this.#missingBytes = declaredBytes - arrived.length;
  }

  get missingBytes(): number {
    return this.#missingBytes;
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  /** Copies what has arrived, if nobody has taken it. The rest waits in the socket until somebody does. */
  keepArrived(): void {
    if (this.#isStarted) return;
    if (this.#arrived.length > 0) this.#arrived = Buffer.from(this.#arrived);
    if (this.#missingBytes > 0) this.#connection.pauseReading();
  }

  start(sink: BodySink): void {
    this.#isStarted = true;
    this.#sink = sink;
    const arrived = this.#arrived;
    this.#arrived = NOTHING;
    if (arrived.length > 0) sink.bytes(arrived);
    if (this.#missingBytes === 0) this.#sink?.end();
    else if (!this.#isPaused) this.#connection.readOn();
  }

  pause(): void {
    this.#isPaused = true;
    this.#connection.pauseReading();
  }

  hasRoom(): void {
    this.#connection.setRoom(this.#missingBytes > 0);
  }

  resume(): void {
    this.#isPaused = false;
    this.#connection.readOn();
  }

  stop(): void {
    this.#sink = undefined;
  }

  /** Takes what belongs to the body and returns what does not. */
  take(bytes: Buffer): Buffer | undefined {
    if (this.#missingBytes === 0) return bytes;
    const part = bytes.length <= this.#missingBytes ? bytes : bytes.subarray(0, this.#missingBytes);
    this.#missingBytes -= part.length;
    if (this.#missingBytes === 0) this.#connection.setRoom(false);
    if (!this.#isStarted) {
      // Nobody has memory for it yet: it waits in the socket, but for these.
      this.#arrived = Buffer.concat([this.#arrived, part]);
      if (this.#missingBytes > 0) this.#connection.pauseReading();
    } else {
      this.#sink?.bytes(part);
      if (this.#missingBytes === 0) this.#sink?.end();
    }
    return part.length === bytes.length ? undefined : bytes.subarray(part.length);
  }

  /** The client has left. */
  leave(): void {
    this.#isGone = true;
    this.#sink?.gone();
  }
}
