import { kinesis, ServiceError } from "@millrace/api";
import { type AnswerOf, decodeEventStream, EventStreamFault } from "@millrace/wire";
import type { Caller, CallOptions, OpenAnswer } from "./call.ts";
import { TransportError } from "./transport/transport.ts";

type Operations = typeof kinesis.operations;
type EventUnion =
  AnswerOf<Operations["SubscribeToShard"]>["EventStream"] extends AsyncIterable<infer Event> ? Event : never;

/** Records, the sequence number to go on from, and how far behind the tip they are. */
export type SubscriptionEvent = Extract<
  EventUnion,
  { readonly SubscribeToShardEvent: unknown }
>["SubscribeToShardEvent"];

/**
 * Subscribes, and reads one event at a time: the next piece is asked for only when the events of the last
 * one have been taken.
 */
export async function* readSubscription(
  caller: Caller,
  input: object,
  options: CallOptions = {},
): AsyncGenerator<SubscriptionEvent> {
  const answer = await caller.open("SubscribeToShard", input, options);
  try {
    const output = await decodeEventStream(kinesis, "SubscribeToShard", heardPieces(answer));
    for await (const event of output.EventStream) {
      if ("SubscribeToShardEvent" in event) yield event.SubscribeToShardEvent;
    }
  } catch (failure) {
    options.signal?.throwIfAborted();
    if (failure instanceof TransportError || failure instanceof EventStreamFault) {
      throw new ServiceError("ConnectionFailed", failure.message, { status: 0, cause: failure });
    }
    throw failure;
  } finally {
    answer.done();
  }
}

/** What the consumer takes its time for does not count as silence of the service. */
async function* heardPieces({ response, listen, pause }: OpenAnswer): AsyncGenerator<Uint8Array> {
  for await (const piece of response.body) {
    pause();
    yield piece;
    listen();
  }
}
