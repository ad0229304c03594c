import { openJournal } from "@millrace/log";
import { serviceClock, simulatedRuntime } from "@millrace/runtime";
import { expect, test } from "vitest";
import { serviceUnderTest } from "../service-under-test.ts";

const STREAM = "arn:aws:kinesis:us-east-1:123456789012:stream/s";

test("on the journal, consumers get every record in order, across a restart, up to the end of the shard", async () => {
  const runtime = simulatedRuntime({ seed: 1 });
  const clock = serviceClock(runtime.clock);
  const open = () => openJournal(runtime, { directory: "/data", serviceClock: clock });

  const history = async () => {
    let engine = await open();
    let service = await serviceUnderTest({ clock, engine });
    await service.createStream("s", 1);
    const consumers = await Promise.all(
      ["a", "b", "c"].map(async (ConsumerName) => {
        const { Consumer } = await service.call("RegisterStreamConsumer", {
          StreamARN: STREAM,
          ConsumerName,
        });
        return {
          arn: Consumer.ConsumerARN,
          seen: [] as string[],
          continuation: undefined as string | undefined,
        };
      }),
    );
    await clock.advance(60);

    const follow = async (consumer: (typeof consumers)[number]): Promise<void> => {
      const { EventStream } = await service.call("SubscribeToShard", {
        ConsumerARN: consumer.arn,
        ShardId: "shardId-000000000000",
        StartingPosition:
          consumer.continuation === undefined
            ? { Type: "TRIM_HORIZON" }
            : { Type: "AFTER_SEQUENCE_NUMBER", SequenceNumber: consumer.continuation },
      });
      for await (const event of EventStream) {
        if (!("SubscribeToShardEvent" in event)) throw new Error("a refusal was yielded");
        const { Records, ContinuationSequenceNumber, ChildShards } = event.SubscribeToShardEvent;
        consumer.seen.push(...Records.map(({ Data }) => Buffer.from(Data).toString()));
        consumer.continuation = ContinuationSequenceNumber;
        if (ChildShards !== undefined) consumer.seen.push(ChildShards.map(({ ShardId }) => ShardId).join());
      }
    };
    const put = async (from: number, to: number): Promise<void> => {
      for (let index = from; index < to; index += 1) {
        await service.call("PutRecord", {
          StreamName: "s",
          PartitionKey: "k",
          Data: Buffer.from(String(index)),
        });
        if (index % 10 === 0) await clock.sleep(20);
      }
    };

    let following = consumers.map(follow);
    await put(0, 100);
    await clock.sleep(1_000);
    await service.streams.close();
    await Promise.all(following);
    await engine.close();
    engine = await open();
    service = await serviceUnderTest({ clock, engine });
    await clock.sleep(5_000);
    following = consumers.map(follow);
    const putting = put(100, 200);
    await clock.sleep(50);
    await service.call("SplitShard", {
      StreamName: "s",
      ShardToSplit: "0",
      NewStartingHashKey: String(1n << 127n),
    });
    await putting;
    await Promise.all(following);
    await service.streams.close();
    await engine.close();
    return consumers.map(({ seen }) => seen);
  };

  const [first, ...others] = await runtime.world.finish(history());
  const end = first!.pop();
  expect(end).toBe("shardId-000000000001,shardId-000000000002");
  expect(first!.length).toBeGreaterThan(100);
  expect(first).toEqual(first!.map((_, index) => String(index)));
  for (const other of others) expect(other).toEqual([...first!, end]);
});
