import { RecordColumns } from "@millrace/model";
import type { Logger, Port } from "@millrace/runtime";
import { isCursor } from "../cursor.ts";
import type { WireRequest, WireService } from "../exchange.ts";
import { ConnectionDropped } from "../listener/refusal.ts";
import { ScannedPutRecords } from "../put-records/scanned-input.ts";
import type { CarriedRecords, CarriedRequest, ToListener, ToService } from "./messages.ts";

/** Serves the requests that the {@link remoteService} at the other end of `port` is asked. */
export function servePort(port: Port, service: WireService, log: Logger): void {
  const desk = new Desk(port, service, log);
  port.receive((message) => desk.receive(message as ToService));
}

class Desk {
  readonly #port: Port;
  readonly #service: WireService;
  readonly #log: Logger;
  /** Streamed answers that are not over, by the number of their request. */
  readonly #streams = new Map<number, AsyncIterator<Uint8Array, undefined>>();

  constructor(port: Port, service: WireService, log: Logger) {
    this.#port = port;
    this.#service = service;
    this.#log = log;
  }

  receive(message: ToService): void {
    switch (message.kind) {
      case "request":
        void this.#tell(message.number, () => this.#answer(message.number, message.request));
        return;
      case "ask":
        void this.#tell(message.number, () => this.#ask(message.number, message.about, message.what));
        return;
      case "leave":
        this.#leave(message.about);
    }
  }

  /** Whatever happens, each number is answered once. */
  async #tell(number: number, make: () => Promise<ToListener>): Promise<void> {
    let told: ToListener;
    try {
      told = await make();
    } catch (error) {
      told =
        error instanceof ConnectionDropped
          ? { kind: "dropped", number }
          : { kind: "failed", number, reason: describe(error) };
    }
    this.#port.post(told, handedOver(told));
  }

  async #answer(number: number, request: CarriedRequest): Promise<ToListener> {
    const { status, headers, close = false, body, release } = await this.#service(restored(request));
    const answer = { kind: "answer", number, status, headers, close } as const;
    if (body instanceof Uint8Array || !(Symbol.asyncIterator in body)) {
      const copy = gathered(body instanceof Uint8Array ? [body] : body);
      release?.();
      return { ...answer, body: copy };
    }
    const stream = body[Symbol.asyncIterator]() as AsyncIterator<Uint8Array, undefined>;
    this.#streams.set(number, stream);
    return { ...answer, body: isCursor(stream) ? "cursor" : "pieces" };
  }

  async #ask(number: number, about: number, what: "ready" | "take" | "next"): Promise<ToListener> {
    const stream = this.#streams.get(about);
    if (stream === undefined) return { kind: "end", number };
    try {
      if (isCursor(stream) && what === "ready") {
        await stream.ready();
        return { kind: "nothing", number };
      }
      const next = isCursor(stream) ? await stream.take() : await stream.next();
      if (next === undefined) return { kind: "nothing", number };
      if (next.done !== true) return { kind: "piece", number, piece: gathered([next.value]) };
    } catch (error) {
      this.#streams.delete(about);
      throw error;
    }
    this.#streams.delete(about);
    return { kind: "end", number };
  }

  #leave(about: number): void {
    const stream = this.#streams.get(about);
    this.#streams.delete(about);
    stream?.return?.().catch((error: unknown) => {
      this.#log.error("a stream failed while it was closed", { cause: describe(error) });
    });
  }
}

function restored({ records, ...request }: CarriedRequest): WireRequest {
  return records === undefined ? request : { ...request, scanned: scannedFrom(records) };
}

/** The other thread gives the memory back when it has the answer. */
function scannedFrom({ streamName, streamArn, keys, data, ranges }: CarriedRecords): ScannedPutRecords {
  const named = {
    ...(streamName === undefined ? {} : { StreamName: streamName }),
    ...(streamArn === undefined ? {} : { StreamARN: streamArn }),
  };
  return new ScannedPutRecords(named, RecordColumns.at(keys, data, ranges), () => {});
}

/** In memory of their own: a view is copied to another thread with all of the memory that it is of. */
function gathered(pieces: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const piece of pieces) length += piece.length;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** Less than this is copied once more rather than handed over. */
const HANDED_OVER_BYTES_MIN = 4_096;

function handedOver(told: ToListener): ArrayBuffer[] {
  const bytes = told.kind === "answer" ? told.body : told.kind === "piece" ? told.piece : undefined;
  if (!(bytes instanceof Uint8Array) || bytes.length < HANDED_OVER_BYTES_MIN) return [];
  return [bytes.buffer as ArrayBuffer];
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
