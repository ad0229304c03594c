/**
 * What ends CREATING and DELETING of a consumer. What is pending is in the consumer's row, so it is resumed
 * after a restart; each ends in one commit.
 */
import type { StreamChange } from "../catalog/catalog.ts";
import type { ConsumerRow } from "../catalog/records.ts";
import { consumerKey } from "../catalog/records.ts";
import type { Stream } from "../catalog/stream.ts";
import type { StreamsContext } from "../context.ts";

/** Follows the catalog and finishes what is pending in it when it falls due. Returns a function that stops. */
export function startConsumerTransitions(context: StreamsContext): () => void {
  for (const stream of context.catalog.all()) schedule(context, stream);
  return context.catalog.onChange((stream) => schedule(context, stream));
}

/** A commit that puts a consumer's row. The stream's header goes with it, so that changes of a stream take turns. */
export function consumerChange(stream: Stream, name: string, row: ConsumerRow): StreamChange {
  const { header } = stream;
  return { header, puts: [[consumerKey(header.incarnation, name), JSON.stringify(row)]] };
}

function schedule(context: StreamsContext, stream: Stream): void {
  if (stream.gone) return;
  for (const [name, { pending, createdMs }] of stream.consumers) {
    if (pending === undefined) continue;
    const key = `${pending.kind} consumer ${stream.header.incarnation}/${name} ${createdMs}`;
    context.background.schedule(key, pending.dueMs, () => finish(context, stream, name, pending));
  }
}

function finish(
  context: StreamsContext,
  stream: Stream,
  name: string,
  due: NonNullable<ConsumerRow["pending"]>,
): Promise<void> {
  return context.catalog.change(stream, (current) => {
    const row = stream.consumers.get(name);
    if (current !== stream || row === undefined) return undefined;
    const { pending, ...settled } = row;
    // A deletion may have taken the place of the creation that was scheduled.
    if (pending?.kind !== due.kind || pending.dueMs !== due.dueMs) return undefined;
    if (pending.kind === "create") return consumerChange(stream, name, { ...settled, status: "ACTIVE" });
    return { header: stream.header, deletes: [consumerKey(stream.header.incarnation, name)] };
  });
}
