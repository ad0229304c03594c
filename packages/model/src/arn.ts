/** Amazon resource names of streams, of the consumers registered on them, and of channels. */

export interface StreamArn {
  readonly kind: "stream";
  /** `aws`, `aws-cn`, … */
  readonly partition: string;
  readonly region: string;
  readonly accountId: string;
  readonly streamName: string;
}

export interface ConsumerArn {
  readonly kind: "consumer";
  readonly partition: string;
  readonly region: string;
  readonly accountId: string;
  readonly streamName: string;
  readonly consumerName: string;
  /** Tells apart consumers of one name that were registered one after the other. */
  readonly creationSeconds: number;
}

export interface ChannelArn {
  readonly kind: "channel";
  readonly partition: string;
  readonly region: string;
  readonly accountId: string;
  /** Everything behind `channel/`. */
  readonly channel: string;
}

export type ResourceArn = StreamArn | ConsumerArn | ChannelArn;

const ARN = /^arn:(aws[^:]*):kinesis:([^:]*):(\d{12}):(stream|channel)\/(\S+)$/;
const STREAM = /^[a-zA-Z0-9_.-]{1,128}$/;
const CONSUMER = /^([a-zA-Z0-9_.-]{1,128})\/consumer\/([a-zA-Z0-9_.-]{1,128}):(\d{1,15})$/;

/** The partition in which a region lies. */
export function partitionOf(region: string): string {
  if (region.startsWith("cn-")) return "aws-cn";
  if (region.startsWith("us-gov-")) return "aws-us-gov";
  return "aws";
}

/** The name of a stream in its region's own partition. */
export function streamArn(region: string, accountId: string, streamName: string): string {
  return `arn:${partitionOf(region)}:kinesis:${region}:${accountId}:stream/${streamName}`;
}

/** The name of a consumer: its stream's, its own, and the second in which it was registered. */
export function consumerArn(streamArnText: string, consumerName: string, creationSeconds: number): string {
  return `${streamArnText}/consumer/${consumerName}:${creationSeconds}`;
}

export function formatArn(arn: ResourceArn): string {
  const prefix = `arn:${arn.partition}:kinesis:${arn.region}:${arn.accountId}:`;
  switch (arn.kind) {
    case "stream":
      return `${prefix}stream/${arn.streamName}`;
    case "consumer":
      return `${prefix}stream/${arn.streamName}/consumer/${arn.consumerName}:${arn.creationSeconds}`;
    case "channel":
      return `${prefix}channel/${arn.channel}`;
  }
}

/** The parts of a Kinesis resource name; undefined when the text is none. */
export function parseArn(text: string): ResourceArn | undefined {
  const match = ARN.exec(text);
  if (match === null) return undefined;
  const [, partition, region, accountId, type, resource] = match as unknown as readonly string[];
  const common = { partition: partition!, region: region!, accountId: accountId! };
  if (type === "channel") return { kind: "channel", ...common, channel: resource! };
  if (STREAM.test(resource!)) return { kind: "stream", ...common, streamName: resource! };
  const consumer = CONSUMER.exec(resource!);
  if (consumer === null) return undefined;
  return {
    kind: "consumer",
    ...common,
    streamName: consumer[1]!,
    consumerName: consumer[2]!,
    creationSeconds: Number(consumer[3]),
  };
}
