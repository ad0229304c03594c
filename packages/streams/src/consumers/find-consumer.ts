/** Which consumer a request is about: by its ARN, by its stream and name, or by all three when they agree. */
import { consumerArn, parseArn } from "@millrace/model";
import type { ConsumerRow, StreamName } from "../catalog/records.ts";
import type { Stream } from "../catalog/stream.ts";
import type { StreamsContext } from "../context.ts";
import type { FindFailure } from "../find-stream.ts";
import { arnOf, streamNotFound } from "../find-stream.ts";

export interface NamesConsumer {
  readonly StreamARN?: string;
  readonly ConsumerName?: string;
  readonly ConsumerARN?: string;
}

/** A consumer as a request names it; whether there is one is another question. */
export interface ConsumerName {
  readonly stream: StreamName;
  readonly name: string;
  /** From the ARN: consumers of one name, registered one after the other, have different ones. */
  readonly creationSeconds: number | undefined;
  /** The ARN or the name, as it was given. */
  readonly asked: string;
}

export interface FoundConsumer {
  readonly stream: Stream;
  readonly name: string;
  readonly row: ConsumerRow;
}

export function readConsumerName(input: NamesConsumer, failure: FindFailure): ConsumerName {
  const { StreamARN: streamText, ConsumerName: name, ConsumerARN: arnText } = input;
  if (arnText === undefined) {
    if (streamText === undefined || name === undefined) {
      // The misspelling is the service's, recorded by a user of the Java SDK in 2023.
      throw failure(
        "InvalidArgumentException",
        "Both streamARN and consumer name must be provided if consumerARN is not provied.",
      );
    }
    const arn = parseArn(streamText);
    if (arn?.kind !== "stream") {
      throw failure("InvalidArgumentException", `StreamARN ${streamText} is not the ARN of a stream.`);
    }
    return { stream: { ...arn, name: arn.streamName }, name, creationSeconds: undefined, asked: name };
  }
  const arn = parseArn(arnText);
  if (arn?.kind !== "consumer") {
    throw failure("InvalidArgumentException", `ConsumerARN ${arnText} is not the ARN of a consumer.`);
  }
  const stream: StreamName = { accountId: arn.accountId, region: arn.region, name: arn.streamName };
  if (streamText !== undefined && streamText !== arnOf(stream)) {
    throw failure(
      "InvalidArgumentException",
      `StreamARN ${streamText} does not match ConsumerARN ${arnText}.`,
    );
  }
  if (name !== undefined && name !== arn.consumerName) {
    throw failure("InvalidArgumentException", `ConsumerName ${name} does not match ConsumerARN ${arnText}.`);
  }
  return { stream, name: arn.consumerName, creationSeconds: arn.creationSeconds, asked: arnText };
}

/** The consumer that a request names, in any status. */
export function findConsumer(
  context: StreamsContext,
  asked: ConsumerName,
  failure: FindFailure,
): FoundConsumer {
  return consumerOf(context.catalog.find(asked.stream), asked, failure);
}

/** {@link findConsumer} within a stream that is already at hand. */
export function consumerOf(
  stream: Stream | undefined,
  asked: ConsumerName,
  failure: FindFailure,
): FoundConsumer {
  if (stream === undefined) throw streamNotFound(asked.stream, failure);
  const row = stream.consumers.get(asked.name);
  const isMeant =
    row !== undefined &&
    (asked.creationSeconds === undefined || asked.creationSeconds === creationSecondsOf(row));
  if (!isMeant) {
    // Worded as moto has it.
    throw failure(
      "ResourceNotFoundException",
      `Consumer ${asked.asked}, account ${stream.accountId} not found.`,
    );
  }
  return { stream, name: asked.name, row };
}

export function creationSecondsOf({ createdMs }: ConsumerRow): number {
  return Math.floor(createdMs / 1_000);
}

/** A consumer as answers show it. */
export function consumerDescription({ stream, name, row }: FoundConsumer): {
  ConsumerName: string;
  ConsumerARN: string;
  ConsumerStatus: ConsumerRow["status"];
  ConsumerCreationTimestamp: number;
} {
  return {
    ConsumerName: name,
    ConsumerARN: consumerArn(stream.arn, name, creationSecondsOf(row)),
    ConsumerStatus: row.status,
    ConsumerCreationTimestamp: row.createdMs,
  };
}
