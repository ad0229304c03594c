/** What a ResourceARN names: a stream or a consumer, with what both have in common. */
import type { ServiceError } from "@millrace/api";
import { consumerArn, parseArn } from "@millrace/model";
import type { StreamName } from "../catalog/records.ts";
import type { Stream } from "../catalog/stream.ts";
import { consumerChange } from "../consumers/consumer-transitions.ts";
import type { ConsumerName } from "../consumers/find-consumer.ts";
import { consumerOf, creationSecondsOf, readConsumerName } from "../consumers/find-consumer.ts";
import type { StreamsContext } from "../context.ts";
import type { FindFailure } from "../find-stream.ts";
import { streamNotFound } from "../find-stream.ts";

/** A resource as a request names it; whether there is one is another question. */
export type ResourceName =
  | { readonly kind: "stream"; readonly stream: StreamName }
  | { readonly kind: "consumer"; readonly stream: StreamName; readonly consumer: ConsumerName };

/** What is kept of a stream and of a consumer alike. */
export interface ResourceSettings {
  readonly tags: Readonly<Record<string, string>>;
  readonly policy?: string;
}

export interface FoundResource extends ResourceSettings {
  readonly arn: string;
  /** For messages: `stream orders under account 123456789012`. */
  readonly title: string;
  readonly status: string;
}

export function readResource(arnText: string, failure: FindFailure): ResourceName {
  const arn = parseArn(arnText);
  switch (arn?.kind) {
    case "stream":
      return {
        kind: "stream",
        stream: { accountId: arn.accountId, region: arn.region, name: arn.streamName },
      };
    case "consumer": {
      const consumer = readConsumerName({ ConsumerARN: arnText }, failure);
      return { kind: "consumer", stream: consumer.stream, consumer };
    }
    case "channel":
      throw failure(
        "ResourceNotFoundException",
        `Channel ${arnText} not found. This server does not serve channels.`,
      );
    default:
      throw failure(
        "InvalidArgumentException",
        `ResourceARN ${arnText} is not the ARN of a stream or a consumer.`,
      );
  }
}

/** The resource that a request names, in any status. */
export function findResource(
  context: StreamsContext,
  name: ResourceName,
  failure: FindFailure,
): FoundResource {
  return resourceOf(context.catalog.find(name.stream), name, failure);
}

/**
 * Changes what is kept of a resource. `decide` sees it as it is, and is asked again when another change came
 * first; undefined leaves everything as it is.
 */
export async function changeResource(
  context: StreamsContext,
  name: ResourceName,
  failure: FindFailure,
  decide: (resource: FoundResource) => ResourceSettings | undefined,
): Promise<void> {
  await context.catalog.change(name.stream, (stream) => {
    const settings = decide(resourceOf(stream, name, failure));
    if (settings === undefined) return undefined;
    if (name.kind === "stream") return { header: withSettings(stream!.header, settings) };
    const { row } = consumerOf(stream, name.consumer, failure);
    return consumerChange(stream!, name.consumer.name, withSettings(row, settings));
  });
}

/** Refuses a change of what is about to be gone. */
export function refuseDeleting(
  { title, status }: FoundResource,
  failure: (code: "ResourceInUseException", message: string) => ServiceError,
): void {
  if (status !== "DELETING") return;
  throw failure("ResourceInUseException", `${capitalized(title)} not ACTIVE, instead in state ${status}`);
}

/** How messages name a stream. */
export function streamTitle({ name, accountId }: StreamName): string {
  return `stream ${name} under account ${accountId}`;
}

/** How messages name a consumer of a stream. */
export function consumerTitle(consumerName: string, stream: StreamName): string {
  return `consumer ${consumerName} of ${streamTitle(stream)}`;
}

function resourceOf(stream: Stream | undefined, name: ResourceName, failure: FindFailure): FoundResource {
  if (stream === undefined) throw streamNotFound(name.stream, failure);
  if (name.kind === "stream") {
    const { header } = stream;
    return { arn: stream.arn, title: streamTitle(stream), status: header.status, ...settingsOf(header) };
  }
  const consumer = consumerOf(stream, name.consumer, failure);
  return {
    arn: consumerArn(stream.arn, consumer.name, creationSecondsOf(consumer.row)),
    title: consumerTitle(consumer.name, stream),
    status: consumer.row.status,
    ...settingsOf(consumer.row),
  };
}

function settingsOf({ tags, policy }: ResourceSettings): ResourceSettings {
  return policy === undefined ? { tags } : { tags, policy };
}

function withSettings<Kept extends ResourceSettings>(kept: Kept, settings: ResourceSettings): Kept {
  const { policy: _policy, ...rest } = kept;
  return { ...rest, ...settingsOf(settings) } as Kept;
}

function capitalized(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}
