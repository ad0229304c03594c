import { describe, expect, test } from "vitest";
import type { ServiceUnderTest } from "../service-under-test.ts";
import { serviceUnderTest } from "../service-under-test.ts";

const STREAM = "arn:aws:kinesis:us-east-1:123456789012:stream/s";
const START_SECONDS = Date.UTC(2026, 0, 1) / 1_000;

async function withStream(options?: Parameters<typeof serviceUnderTest>[0]): Promise<ServiceUnderTest> {
  const service = await serviceUnderTest(options);
  await service.createStream("s", 1);
  return service;
}

async function register({ call }: Pick<ServiceUnderTest, "call">, name: string): Promise<string> {
  return (await call("RegisterStreamConsumer", { StreamARN: STREAM, ConsumerName: name })).Consumer
    .ConsumerARN;
}

async function statusOf({ call }: ServiceUnderTest, name: string): Promise<string> {
  const { ConsumerDescription } = await call("DescribeStreamConsumer", {
    StreamARN: STREAM,
    ConsumerName: name,
  });
  return ConsumerDescription.ConsumerStatus;
}

async function summaryCount({ call }: ServiceUnderTest): Promise<number | undefined> {
  return (await call("DescribeStreamSummary", { StreamName: "s" })).StreamDescriptionSummary.ConsumerCount;
}

describe("the life of a consumer", () => {
  test("it is CREATING, then ACTIVE, then DELETING, then gone", async () => {
    const service = await withStream();
    const { call, clock, failureOf } = service;
    const { Consumer } = await call("RegisterStreamConsumer", { StreamARN: STREAM, ConsumerName: "c" });
    expect(Consumer).toEqual({
      ConsumerName: "c",
      ConsumerARN: `${STREAM}/consumer/c:${START_SECONDS}`,
      ConsumerStatus: "CREATING",
      ConsumerCreationTimestamp: clock.nowMs(),
    });
    expect(await statusOf(service, "c")).toBe("CREATING");
    await clock.advance(50);
    expect(await statusOf(service, "c")).toBe("ACTIVE");
    expect(await summaryCount(service)).toBe(1);
    await call("DeregisterStreamConsumer", { ConsumerARN: Consumer.ConsumerARN });
    expect(await statusOf(service, "c")).toBe("DELETING");
    await call("DeregisterStreamConsumer", { ConsumerARN: Consumer.ConsumerARN });
    await clock.advance(50);
    expect(await failureOf("DescribeStreamConsumer", { StreamARN: STREAM, ConsumerName: "c" })).toMatchObject(
      {
        code: "ResourceNotFoundException",
        message: "Consumer c, account 123456789012 not found.",
      },
    );
    expect(await summaryCount(service)).toBe(0);
  });

  test("what is pending is finished after a restart", async () => {
    const service = await withStream({ transitionDelayMs: 10_000 });
    await service.clock.advance(10_000);
    await register(service, "made");
    const gone = await register(service, "gone");
    await service.clock.advance(10_000);
    await service.call("DeregisterStreamConsumer", { ConsumerARN: gone });
    await register(service, "new");
    const restarted = await service.restart();
    expect(await statusOf(restarted, "made")).toBe("ACTIVE");
    expect(await statusOf(restarted, "new")).toBe("CREATING");
    expect(await statusOf(restarted, "gone")).toBe("DELETING");
    await restarted.clock.advance(10_000);
    expect(await statusOf(restarted, "new")).toBe("ACTIVE");
    const { Consumers } = await restarted.call("ListStreamConsumers", { StreamARN: STREAM });
    expect(Consumers!.map(({ ConsumerName }) => ConsumerName)).toEqual(["made", "new"]);
  });

  test("one that is deregistered while it is CREATING does not become ACTIVE", async () => {
    const service = await withStream();
    const arn = await register(service, "c");
    await service.clock.advance(30);
    await service.call("DeregisterStreamConsumer", { ConsumerARN: arn });
    await service.clock.advance(30);
    expect(await statusOf(service, "c")).toBe("DELETING");
    await service.clock.advance(20);
    expect(await summaryCount(service)).toBe(0);
  });

  test("one made again under its name is another", async () => {
    const service = await withStream();
    const { call, clock, failureOf } = service;
    const first = await register(service, "c");
    await clock.advance(50);
    await call("DeregisterStreamConsumer", { ConsumerARN: first });
    await clock.advance(1_000);
    const second = await register(service, "c");
    expect(second).toBe(`${STREAM}/consumer/c:${START_SECONDS + 1}`);
    expect(await failureOf("DescribeStreamConsumer", { ConsumerARN: first })).toMatchObject({
      code: "ResourceNotFoundException",
      message: `Consumer ${first}, account 123456789012 not found.`,
    });
    await call("DescribeStreamConsumer", { ConsumerARN: second, StreamARN: STREAM, ConsumerName: "c" });
  });

  test("names are unique in a stream, not among streams", async () => {
    const service = await withStream();
    await service.createStream("t", 1);
    await register(service, "c");
    expect(
      await service.failureOf("RegisterStreamConsumer", { StreamARN: STREAM, ConsumerName: "c" }),
    ).toMatchObject({
      code: "ResourceInUseException",
      message: "Consumer c under stream s already exists for account 123456789012.",
    });
    await service.call("RegisterStreamConsumer", {
      StreamARN: STREAM.replace("/s", "/t"),
      ConsumerName: "c",
    });
  });
});

describe("naming a consumer", () => {
  test("an ARN, or a stream's ARN and a name, or all of them when they agree", async () => {
    const service = await withStream();
    const arn = await register(service, "c");
    const { failureOf } = service;
    const refusals: [Parameters<typeof service.call<"DescribeStreamConsumer">>[1], string][] = [
      [{}, "Both streamARN and consumer name must be provided if consumerARN is not provied."],
      [
        { ConsumerName: "c" },
        "Both streamARN and consumer name must be provided if consumerARN is not provied.",
      ],
      [{ ConsumerARN: arn, ConsumerName: "d" }, `ConsumerName d does not match ConsumerARN ${arn}.`],
      [
        { ConsumerARN: arn, StreamARN: `${STREAM}2` },
        `StreamARN ${STREAM}2 does not match ConsumerARN ${arn}.`,
      ],
    ];
    for (const operation of ["DescribeStreamConsumer", "DeregisterStreamConsumer"] as const) {
      for (const [input, message] of refusals) {
        expect(await failureOf(operation, input)).toEqual({
          code: "InvalidArgumentException",
          message,
          status: 400,
        });
      }
    }
    expect(
      await failureOf("DescribeStreamConsumer", { StreamARN: `${STREAM}2`, ConsumerName: "c" }),
    ).toMatchObject({
      code: "ResourceNotFoundException",
      message: "Stream s2 under account 123456789012 not found.",
    });
  });
});

describe("limits of consumers", () => {
  test("five are CREATING at once", async () => {
    const service = await withStream({ limits: { callsPerSecond: { RegisterStreamConsumer: 100 } } });
    for (let index = 0; index < 5; index += 1) await register(service, `c${index}`);
    const sixth = { StreamARN: STREAM, ConsumerName: "c5" };
    expect((await service.failureOf("RegisterStreamConsumer", sixth)).code).toBe("LimitExceededException");
    await service.clock.advance(50);
    await service.call("RegisterStreamConsumer", sixth);
  });

  test("a stream has twenty, or fifty when it is on demand and its account has a commitment", async () => {
    const service = await withStream({ limits: { callsPerSecond: { RegisterStreamConsumer: 1_000 } } });
    const { call, clock, failureOf } = service;
    await call("CreateStream", { StreamName: "d", StreamModeDetails: { StreamMode: "ON_DEMAND" } });
    await clock.advance(50);
    const fill = async (arn: string, from: number, to: number) => {
      for (let index = from; index < to; index += 1) {
        await call("RegisterStreamConsumer", { StreamARN: arn, ConsumerName: `c${index}` });
        await clock.advance(50);
      }
    };
    const demand = STREAM.replace("/s", "/d");
    for (const arn of [STREAM, demand]) {
      await fill(arn, 0, 20);
      const next = { StreamARN: arn, ConsumerName: "one-more" };
      expect((await failureOf("RegisterStreamConsumer", next)).code).toBe("LimitExceededException");
    }
    await call("UpdateAccountSettings", { MinimumThroughputBillingCommitment: { Status: "ENABLED" } });
    expect((await failureOf("RegisterStreamConsumer", { StreamARN: STREAM, ConsumerName: "x" })).code).toBe(
      "LimitExceededException",
    );
    await fill(demand, 20, 50);
    expect((await failureOf("RegisterStreamConsumer", { StreamARN: demand, ConsumerName: "x" })).code).toBe(
      "LimitExceededException",
    );
  });

  test("a stream that is not ACTIVE takes none", async () => {
    const { call, failureOf } = await serviceUnderTest();
    await call("CreateStream", { StreamName: "s", ShardCount: 1 });
    expect(await failureOf("RegisterStreamConsumer", { StreamARN: STREAM, ConsumerName: "c" })).toMatchObject(
      { code: "ResourceInUseException" },
    );
  });

  test("a consumer has at most fifty tags", async () => {
    const { call, failureOf } = await withStream();
    const tags = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, "v"]));
    await call("RegisterStreamConsumer", { StreamARN: STREAM, ConsumerName: "c", Tags: tags(50) });
    expect(
      await failureOf("RegisterStreamConsumer", { StreamARN: STREAM, ConsumerName: "d", Tags: tags(51) }),
    ).toMatchObject({ code: "InvalidArgumentException" });
  });
});

describe("ListStreamConsumers", () => {
  test("gives all, page by page, with tokens that expire and belong to their stream", async () => {
    const service = await withStream({ limits: { mode: "off" } });
    const { call, clock, failureOf } = service;
    for (const name of ["e", "a", "d", "b", "c"]) await register(service, name);
    await service.createStream("t", 1);
    const names: string[] = [];
    let token: string | undefined;
    const sizes: number[] = [];
    do {
      const page = await call("ListStreamConsumers", {
        StreamARN: STREAM,
        MaxResults: 2,
        ...(token === undefined ? {} : { NextToken: token }),
      });
      sizes.push(page.Consumers!.length);
      names.push(...page.Consumers!.map(({ ConsumerName }) => ConsumerName));
      token = page.NextToken ?? undefined;
    } while (token !== undefined);
    expect([names.join(""), sizes]).toEqual(["abcde", [2, 2, 1]]);

    const { NextToken } = await call("ListStreamConsumers", { StreamARN: STREAM, MaxResults: 1 });
    const other = { StreamARN: STREAM.replace("/s", "/t"), NextToken: NextToken! };
    expect((await failureOf("ListStreamConsumers", other)).code).toBe("InvalidArgumentException");
    await clock.advance(300_001);
    expect((await failureOf("ListStreamConsumers", { StreamARN: STREAM, NextToken: NextToken! })).code).toBe(
      "ExpiredNextTokenException",
    );
  });

  test("a creation timestamp must be the stream's, and does not go with a token", async () => {
    const { call, failureOf } = await withStream();
    const { StreamCreationTimestamp } = (await call("DescribeStreamSummary", { StreamName: "s" }))
      .StreamDescriptionSummary;
    expect(
      (await call("ListStreamConsumers", { StreamARN: STREAM, StreamCreationTimestamp })).Consumers,
    ).toEqual([]);
    const other = { StreamARN: STREAM, StreamCreationTimestamp: StreamCreationTimestamp + 1_000 };
    expect((await failureOf("ListStreamConsumers", other)).code).toBe("ResourceNotFoundException");
    expect((await failureOf("ListStreamConsumers", { ...other, NextToken: "x" })).code).toBe(
      "InvalidArgumentException",
    );
  });
});

describe("deleting a stream with consumers", () => {
  test("is refused unless their deletion is asked for, and takes them along", async () => {
    const service = await withStream();
    const { call, clock, engine, failureOf } = service;
    await register(service, "c");
    await clock.advance(50);
    expect(await failureOf("DeleteStream", { StreamName: "s" })).toEqual({
      code: "ResourceInUseException",
      message:
        "DeleteStream can’t delete 123456789012:s because there are consumers associated with this data stream. " +
        "To delete s anyway, set the EnforceConsumerDeletion parameter to true " +
        "to force the deletion of all the consumers that are associated with it.",
      status: 400,
    });
    await call("DeleteStream", { StreamName: "s", EnforceConsumerDeletion: true });
    await clock.advance(50);
    expect([...engine.state.list("consumer/")]).toEqual([]);
    await service.createStream("s", 1);
    expect((await call("ListStreamConsumers", { StreamARN: STREAM })).Consumers).toEqual([]);
  });
});
