/** A client of the service: contract values in, encoded bytes over the simulated network, contract values out. */
import type { Decoded, InputOf, OutputOf, SubscribeToShardEventStream } from "@millrace/api";
import { kinesis, ServiceError } from "@millrace/api";
import type { Random } from "@millrace/runtime";
import { decodeError, decodeEventStream, decodeResponse, encodeRequest } from "@millrace/wire";
import type { Moment, World } from "./world.ts";
import { ConnectionLost } from "./world.ts";

type Operations = (typeof kinesis)["operations"];
export type OperationName = keyof Operations & string;

/** What a client knows of a call after it: when it was sent and given up, and what came back. */
export type Outcome<Name extends OperationName> = { readonly sent: Moment; readonly received: Moment } & (
  | { readonly kind: "answered"; readonly output: OutputOf<Operations[Name]> }
  | { readonly kind: "refused"; readonly code: string; readonly message: string; readonly status: number }
  /** No answer: it may have been carried out, or not, or may be yet. */
  | { readonly kind: "lost" }
);

export type FanOutEvent = Decoded<typeof SubscribeToShardEventStream>;

export type SubscriptionOutcome = { readonly sent: Moment; readonly received: Moment } & (
  | { readonly kind: "answered"; readonly events: AsyncIterable<FanOutEvent>; readonly hangUp: () => void }
  | { readonly kind: "refused"; readonly code: string; readonly message: string }
  | { readonly kind: "lost" }
);

export class Client {
  readonly #world: World;
  readonly #random: Random;

  constructor(world: World) {
    this.#world = world;
    this.#random = world.part();
  }

  async call<Name extends OperationName>(
    name: Name,
    input: InputOf<Operations[Name]>,
  ): Promise<Outcome<Name>> {
    const { sent, answer } = await this.#exchange(name, input);
    const received = this.#world.moment();
    if (answer === undefined) return { kind: "lost", sent, received };
    if (!(answer.body instanceof Uint8Array)) throw new TypeError(`${name} answers with a stream`);
    try {
      const output = decodeResponse(kinesis, name, { ...answer, body: answer.body });
      return { kind: "answered", output, sent, received };
    } catch (error) {
      return { ...refusalOf(error), sent, received };
    }
  }

  /** Subscribes: the events come as the client asks for them, until it hangs up. */
  async subscribe(input: InputOf<Operations["SubscribeToShard"]>): Promise<SubscriptionOutcome> {
    const { sent, answer } = await this.#exchange("SubscribeToShard", input);
    const received = this.#world.moment();
    if (answer === undefined) return { kind: "lost", sent, received };
    try {
      if (answer.body instanceof Uint8Array) throw decodeError({ ...answer, body: answer.body });
      const { pieces, hangUp } = answer.body;
      const { EventStream } = await decodeEventStream(kinesis, "SubscribeToShard", pieces);
      return { kind: "answered", events: EventStream, hangUp, sent, received };
    } catch (error) {
      if (error instanceof ConnectionLost) return { kind: "lost", sent, received };
      return { ...refusalOf(error), sent, received };
    }
  }

  async #exchange<Name extends OperationName>(name: Name, input: InputOf<Operations[Name]>) {
    const format = this.#random.below(2) === 0 ? "json" : "cbor";
    const { method, path, headers, body } = encodeRequest(kinesis, name, input, format);
    const sent = this.#world.moment();
    const bytes = Buffer.concat(body);
    const answer = await this.#world.exchange(
      {
        method,
        path,
        headers: { ...headers, host: "localhost", "content-length": String(bytes.length) },
        body: bytes,
        remoteAddress: "127.0.0.1",
        viaTls: false,
        httpVersion: "1.1",
      },
      `${name} ${format}`,
    );
    const lowerCase = Object.entries(answer?.headers ?? {}).map(
      ([key, value]) => [key.toLowerCase(), value] as const,
    );
    return { sent, answer: answer && { ...answer, headers: Object.fromEntries(lowerCase) } };
  }
}

/** The refusal that an answer tells; throws on whatever is none. */
function refusalOf(error: unknown) {
  if (!(error instanceof ServiceError)) throw error;
  const { code, message, status } = error;
  return { kind: "refused", code, message, status } as const;
}
