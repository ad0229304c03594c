/** Creates, deletes and re-creates streams and changes how long they keep records. */
import type { Random } from "@millrace/runtime";
import type { StreamModel } from "../ledger.ts";
import { HOUR_MS, newStream } from "../ledger.ts";
import { pick } from "../profile.ts";
import type { OperationName, Outcome } from "../world/client.ts";
import { Client } from "../world/client.ts";
import type { Moment } from "../world/world.ts";
import type { Cast } from "./cast.ts";
import { anyStream, expectRefusal, turn } from "./cast.ts";
import { listShards } from "./listing.ts";

const RETENTION_HOURS = [24, 25, 30, 48];
const LONGEST_HOURS = 72;
const DEFAULT_HOURS = 24;
const POLL_MS = 30;
/** In the place of a tag's value when there is none. */
export const UNTAGGED = "";

export async function control(cast: Cast): Promise<void> {
  const client = new Client(cast.world);
  const random = cast.world.part();
  const { profile } = cast.world;
  while (await turn(cast, 50 + random.below(700))) {
    const stream = anyStream(cast, random);
    if (stream === undefined) continue;
    if (profile.deletion && random.below(6) === 0) {
      await deleteStream(cast, client, stream);
      await createStream(cast, client, stream.name, 1 + random.below(3));
    } else if (profile.retention) {
      const isKnown = await changeRetention(cast, client, stream, pick(random, RETENTION_HOURS));
      // Lowered and raised again before anybody had time to give anything back.
      if (isKnown && random.below(2) === 0) await changeRetention(cast, client, stream, LONGEST_HOURS);
    }
    await tag(cast, client, stream, `tag-${random.below(5)}`, String(random.below(1_000_000)));
  }
}

/** Tags a stream: small state that must be there after every crash. */
async function tag(
  cast: Cast,
  client: Client,
  stream: StreamModel,
  key: string,
  value: string,
): Promise<void> {
  if (!cast.ledger.isCurrent(stream) || stream.doomedOrder < Infinity) return;
  const possible = stream.tags.get(key) ?? new Set([UNTAGGED]);
  stream.tags.set(key, possible.add(value));
  const outcome = await client.call("AddTagsToStream", { StreamName: stream.name, Tags: { [key]: value } });
  if (outcome.kind === "refused")
    expectRefusal(cast, "AddTagsToStream", outcome, stream, ["ResourceInUseException"]);
  if (outcome.kind === "answered") stream.tags.set(key, new Set([value]));
}

/** Creates a stream and waits until it serves. */
export async function createStream(
  cast: Cast,
  client: Client,
  name: string,
  shardCount: number,
): Promise<void> {
  const begun = await persist(cast, "CreateStream", undefined, ["ResourceInUseException"], () =>
    client.call("CreateStream", { StreamName: name, ShardCount: shardCount }),
  );
  if (begun === undefined) return;
  while (await turn(cast, POLL_MS)) {
    const outcome = await client.call("DescribeStreamSummary", { StreamName: name });
    if (outcome.kind === "refused" && outcome.code === "ResourceNotFoundException") {
      cast.witness.missing({
        what: `the stream ${name} was created and is not there`,
        proven: begun,
        received: outcome.received,
      });
    }
    if (outcome.kind === "refused") expectRefusal(cast, "DescribeStreamSummary", outcome, undefined);
    if (outcome.kind !== "answered") continue;
    const { StreamStatus, StreamCreationTimestamp } = outcome.output.StreamDescriptionSummary;
    if (StreamStatus !== "ACTIVE") continue;
    const stream = newStream(name, StreamCreationTimestamp, DEFAULT_HOURS, outcome.sent.order);
    cast.ledger.streams.set(name, stream);
    await listShards(cast, client, stream);
    return;
  }
}

async function deleteStream(cast: Cast, client: Client, stream: StreamModel): Promise<void> {
  stream.doomedOrder = cast.world.moment().order;
  const begun = await persist(cast, "DeleteStream", stream, ["ResourceNotFoundException"], () =>
    client.call("DeleteStream", { StreamName: stream.name, EnforceConsumerDeletion: true }),
  );
  if (begun === undefined) return;
  while (await turn(cast, POLL_MS)) {
    const outcome = await client.call("DescribeStreamSummary", { StreamName: stream.name });
    if (outcome.kind !== "refused") continue;
    expectRefusal(cast, "DescribeStreamSummary", outcome, stream);
    if (outcome.code !== "ResourceNotFoundException") continue;
    stream.deletedKnown = outcome.received;
    cast.ledger.streams.delete(stream.name);
    return;
  }
}

/** False when the history was over before it was known which retention is in force. */
async function changeRetention(
  cast: Cast,
  client: Client,
  stream: StreamModel,
  hours: number,
): Promise<boolean> {
  const current = stream.retention.at(-1)?.hours ?? DEFAULT_HOURS;
  if (hours === current) return true;
  const sent = cast.world.moment();
  // Until an answer says which, either may be in force.
  stream.retention.push({ hours, fromOrder: sent.order, toOrder: Infinity });
  const operation = hours > current ? "IncreaseStreamRetentionPeriod" : "DecreaseStreamRetentionPeriod";
  const outcome = await client.call(operation, { StreamName: stream.name, RetentionPeriodHours: hours });
  if (outcome.kind === "answered") {
    settleRetention(stream, current, hours, sent, outcome.received);
    return true;
  }
  // ResourceInUseException: the change before it, or a reshard, is still being carried out.
  if (outcome.kind === "refused") expectRefusal(cast, operation, outcome, stream, ["ResourceInUseException"]);
  while (await turn(cast, POLL_MS)) {
    const described = await client.call("DescribeStreamSummary", { StreamName: stream.name });
    if (described.kind === "refused") expectRefusal(cast, "DescribeStreamSummary", described, stream);
    if (described.kind !== "answered") continue;
    const { RetentionPeriodHours } = described.output.StreamDescriptionSummary;
    settleRetention(stream, current, RetentionPeriodHours, sent, described.received);
    return true;
  }
  return false;
}

/** It is known which retention is in force, since some time between two moments. */
function settleRetention(
  stream: StreamModel,
  before: number,
  now: number,
  sent: Moment,
  received: Moment,
): void {
  for (const span of stream.retention) {
    if (span.toOrder === Infinity && span.hours !== now) span.toOrder = received.order;
  }
  // Whatever came before stays on record, so that calls that were under way are judged by it.
  stream.retention.push({ hours: now, fromOrder: received.order, toOrder: Infinity });
  if (now <= before) return;
  stream.horizonLeastMs = Math.max(stream.horizonLeastMs, sent.leastMs - before * HOUR_MS);
  stream.horizonMostMs = Math.max(stream.horizonMostMs, received.mostMs - before * HOUR_MS);
  stream.horizonKnown = received;
}

/** Asks until there is an answer; when that was. Undefined when the history was over before. */
async function persist<Name extends OperationName>(
  cast: Cast,
  operation: Name,
  stream: StreamModel | undefined,
  done: readonly string[],
  call: () => Promise<Outcome<Name>>,
): Promise<Moment | undefined> {
  while (await turn(cast, POLL_MS)) {
    const outcome = await call();
    if (outcome.kind === "answered") return outcome.sent;
    if (outcome.kind === "lost") continue;
    if (done.includes(outcome.code)) return outcome.sent;
    expectRefusal(cast, operation, outcome, stream);
  }
  return undefined;
}

/** The first streams of a history. */
export async function createFirstStreams(cast: Cast, random: Random): Promise<void> {
  const client = new Client(cast.world);
  for (let index = 0; index < cast.world.profile.streams; index += 1) {
    await createStream(cast, client, `stream-${index}`, 1 + random.below(3));
  }
}
