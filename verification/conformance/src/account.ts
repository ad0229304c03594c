/**
 * A fresh account for a case: limits that AWS keeps for each account never let one case disturb another.
 * Against AWS there is one account, and what the cases create is deleted when they are over.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { CallError, type Answer, type Input, type KinesisClient, type Subscription } from "./client.ts";
import { target } from "./target.ts";

export interface Stream {
  readonly name: string;
  readonly arn: string;
}

export interface Account {
  call: KinesisClient["call"];
  subscribe(input: Input): Promise<Subscription>;
  /** The account that the service speaks of in its messages. */
  id(): Promise<string>;
  /** Creates a stream and waits until it is ACTIVE. One shard unless the input says otherwise. */
  stream(input?: Input): Promise<Stream>;
  /** Creates a stream and does not wait: it is still CREATING for a moment. */
  creatingStream(input?: Input): Promise<string>;
  /** Waits until the stream is ACTIVE, as after an update; its ARN. */
  settled(name: string): Promise<string>;
  /** Registers a consumer and waits until it is ACTIVE; the ARN of the consumer. */
  consumer(stream: Stream, name?: string): Promise<string>;
  iterator(stream: Stream, shardId: string, position?: Input): Promise<string>;
}

/** A server on this machine changes states within a moment; AWS takes up to a minute. */
const isNear = /^https?:\/\/(127\.0\.0\.1|localhost)\b/.test(target.endpoint);
const patienceMs = isNear ? 5_000 : 120_000;
const pollMs = isNear ? 55 : 1_000;

let lastName = 0;
const run = Math.random().toString(36).slice(2, 8);
const created: { account: Account; name: string }[] = [];

export const shard = (index: number): string => `shardId-${String(index).padStart(12, "0")}`;

/** A name that nothing else has. */
export const uniqueName = (prefix = "conformance"): string => `${prefix}-${run}-${process.pid}-${++lastName}`;

export function newAccount(): Account {
  const accessKeyId = target.hasFreshAccounts
    ? String(Math.floor(Math.random() * 900_000_000_000) + 100_000_000_000)
    : undefined;
  const client = target.driver.client(accessKeyId);
  let id: Promise<string> | undefined = accessKeyId === undefined ? undefined : Promise.resolve(accessKeyId);

  const account: Account = {
    call: client.call,
    subscribe: (input) => client.subscribe(input),
    id() {
      id ??= account.stream().then(({ arn }) => arn.split(":")[4] ?? "");
      return id;
    },
    async creatingStream(input = {}) {
      const { StreamName: name = uniqueName(), ...rest } = input as { StreamName?: string };
      const shards = "StreamModeDetails" in rest || "ShardCount" in rest ? {} : { ShardCount: 1 };
      await patiently(() => account.call("CreateStream", { StreamName: name, ...shards, ...rest }));
      if (!target.hasFreshAccounts) created.push({ account, name });
      return name;
    },
    async stream(input) {
      const name = await account.creatingStream(input);
      return { name, arn: await account.settled(name) };
    },
    async settled(name) {
      let arn = "";
      // Asking at once would be asking in vain.
      await sleep(pollMs);
      await until(`${name} is ACTIVE`, async () => {
        const { StreamDescriptionSummary } = await patiently(() =>
          account.call("DescribeStreamSummary", { StreamName: name }),
        );
        arn = StreamDescriptionSummary.StreamARN;
        return StreamDescriptionSummary.StreamStatus === "ACTIVE";
      });
      return arn;
    },
    async consumer({ arn }, name = uniqueName("consumer")) {
      const { Consumer } = await patiently(() =>
        account.call("RegisterStreamConsumer", { StreamARN: arn, ConsumerName: name }),
      );
      await sleep(pollMs);
      await until(`${name} is ACTIVE`, async () => {
        const { ConsumerDescription } = await patiently(() =>
          account.call("DescribeStreamConsumer", { ConsumerARN: Consumer.ConsumerARN }),
        );
        return ConsumerDescription.ConsumerStatus === "ACTIVE";
      });
      return Consumer.ConsumerARN;
    },
    async iterator({ name }, shardId, position = { ShardIteratorType: "TRIM_HORIZON" }) {
      const { ShardIterator } = await account.call("GetShardIterator", {
        StreamName: name,
        ShardId: shardId,
        ...position,
      });
      return ShardIterator;
    },
  };
  return account;
}

/** Waits for something that the service does in its own time. */
export async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const deadlineMs = Date.now() + patienceMs;
  while (!(await isSo())) {
    if (Date.now() > deadlineMs) throw new Error(`still waiting: ${what}`);
    await sleep(pollMs);
  }
}

/** Repeats a call while the service says that it is made too often. */
export async function patiently<T>(call: () => Promise<T>): Promise<T> {
  const deadlineMs = Date.now() + patienceMs;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      const tooOften =
        error instanceof CallError &&
        ["LimitExceededException", "ProvisionedThroughputExceededException"].includes(error.code);
      if (!tooOften || Date.now() > deadlineMs) throw error;
      await sleep(pollMs * 2);
    }
  }
}

/** Every record that a shard holds now, oldest first. */
export async function readShard(
  account: Account,
  stream: Stream,
  shardId = shard(0),
): Promise<Answer<"GetRecords">["Records"]> {
  const records: Answer<"GetRecords">["Records"] = [];
  let iterator: string | undefined = await account.iterator(stream, shardId);
  while (iterator !== undefined) {
    const ShardIterator: string = iterator;
    const answer: Answer<"GetRecords"> = await patiently(() => account.call("GetRecords", { ShardIterator }));
    records.push(...answer.Records);
    if (answer.MillisBehindLatest === 0 && answer.Records.length === 0) break;
    iterator = answer.NextShardIterator;
  }
  return records;
}

/** The last answer of a closed shard, which has no next iterator. */
export async function readToEnd(
  account: Account,
  stream: Stream,
  shardId = shard(0),
): Promise<Answer<"GetRecords">> {
  let ShardIterator = await account.iterator(stream, shardId);
  for (;;) {
    const answer = await patiently(() => account.call("GetRecords", { ShardIterator }));
    if (!answer.NextShardIterator) return answer;
    ShardIterator = answer.NextShardIterator;
  }
}

/** Deletes what the last case created, where it would stay and cost money. */
export async function deleteCreatedStreams(): Promise<void> {
  for (const { account, name } of created.splice(0)) {
    await patiently(() =>
      account.call("DeleteStream", { StreamName: name, EnforceConsumerDeletion: true }),
    ).catch((error: unknown) => {
      if (!(error instanceof CallError) || error.code !== "ResourceNotFoundException") throw error;
    });
  }
}
