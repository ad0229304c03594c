/** Which stream a request is about: by name, by ARN, or by both when they agree. */
import type { ServiceError } from "@millrace/api";
import { parseArn, streamArn } from "@millrace/model";
import type { Caller } from "@millrace/wire";
import type { StreamName } from "./catalog/records.ts";
import type { Stream } from "./catalog/stream.ts";
import type { StreamsContext } from "./context.ts";

export interface NamesStream {
  readonly StreamName?: string;
  readonly StreamARN?: string;
}

/** Every way in which a request can point to a resource. */
export interface NamesResource extends NamesStream {
  readonly ResourceARN?: string;
  readonly ConsumerARN?: string;
  readonly ChannelARN?: string;
}

/** The failures that finding a stream needs; every operation about a stream lists them. */
export type FindFailure = (
  code: "InvalidArgumentException" | "ResourceNotFoundException",
  message: string,
) => ServiceError;

/**
 * The stream that any member of a request points to, for permission, rates and the meter; undefined when
 * there is none. It does not judge the request.
 */
export function streamNamedBy(input: NamesResource, caller: Caller): StreamName | undefined {
  const { accountId, region } = caller;
  if (input.StreamName !== undefined) return { accountId, region, name: input.StreamName };
  const text = input.StreamARN ?? input.ResourceARN ?? input.ConsumerARN;
  const arn = text === undefined ? undefined : parseArn(text);
  if (arn === undefined || arn.kind === "channel") return undefined;
  return { accountId: arn.accountId, region: arn.region, name: arn.streamName };
}

/** The ARN that permission is asked for: of the consumer, channel or stream; `*` for calls about no one resource. */
export function resourceNamedBy(input: NamesResource, stream: StreamName | undefined): string {
  const { ConsumerARN, ResourceARN, ChannelARN } = input;
  return ConsumerARN ?? ResourceARN ?? ChannelARN ?? (stream === undefined ? "*" : arnOf(stream));
}

export function arnOf({ accountId, region, name }: StreamName): string {
  return streamArn(region, accountId, name);
}

/** Reads StreamName and StreamARN, of which a request must have at least one. */
export function readStreamName(input: NamesStream, caller: Caller, failure: FindFailure): StreamName {
  const { StreamName: name, StreamARN: arnText } = input;
  if (arnText === undefined) {
    if (name !== undefined) return { accountId: caller.accountId, region: caller.region, name };
    throw failure("InvalidArgumentException", "Either StreamName or StreamARN should be provided.");
  }
  const arn = parseArn(arnText);
  if (arn?.kind !== "stream") {
    throw failure("InvalidArgumentException", `StreamARN ${arnText} is not the ARN of a stream.`);
  }
  if (name !== undefined && name !== arn.streamName) {
    throw failure("InvalidArgumentException", `StreamName ${name} does not match StreamARN ${arnText}.`);
  }
  return { accountId: arn.accountId, region: arn.region, name: arn.streamName };
}

/** The stream that a request names, in any status. */
export function findStream(
  context: StreamsContext,
  input: NamesStream,
  caller: Caller,
  failure: FindFailure,
): Stream {
  const name = readStreamName(input, caller, failure);
  const stream = context.catalog.find(name);
  if (stream === undefined) throw streamNotFound(name, failure);
  return stream;
}

/** The stream that a request names, if it serves data: to the data plane, others do not exist. */
export function findServingStream(
  context: StreamsContext,
  input: NamesStream,
  caller: Caller,
  failure: FindFailure,
): Stream {
  const stream = findStream(context, input, caller, failure);
  if (!stream.isServing) throw streamNotFound(stream, failure);
  return stream;
}

export function streamNotFound({ name, accountId }: StreamName, failure: FindFailure): ServiceError {
  return failure("ResourceNotFoundException", `Stream ${name} under account ${accountId} not found.`);
}

/** Refuses a change of a stream that is not ACTIVE. */
export function requireActive(
  stream: Stream,
  failure: (code: "ResourceInUseException", message: string) => ServiceError,
): void {
  if (stream.header.status === "ACTIVE") return;
  throw failure(
    "ResourceInUseException",
    `Stream ${stream.name} under account ${stream.accountId} not ACTIVE, instead in state ${stream.header.status}`,
  );
}
