import { afterEach, describe, expect, test } from "vitest";
import { startServer } from "../start-server.ts";
import { activeStream, ask, serverUnderTest, testRuntime, textOf } from "../test-support.ts";
import type { ServerUnderTest } from "../test-support.ts";
import { readExposition, unconventional } from "./exposition-reader.ts";
import { Exposition } from "./prometheus.ts";

const endings: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

async function metricsOf({ service }: Pick<ServerUnderTest, "service">) {
  return readExposition(textOf(await ask(service, "GET", "/_millrace/metrics")));
}

describe("metrics", () => {
  test("of a server that has seen everything are read by a scraper, and keep to the conventions", async () => {
    const runtime = testRuntime();
    const server = await startServer(runtime, { port: 0, dataDir: "/data", transitionDelay: 0, dev: true });
    endings.push(() => server.close());
    for (const target of ["ListStreams", "PutRecord", "Nothing"]) {
      const headers = {
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": `Kinesis_20131202.${target}`,
      };
      await fetch(server.urls[0]!, { method: "POST", headers, body: "{}" });
    }
    const families = readExposition(await (await fetch(`${server.urls[0]}/_millrace/metrics`)).text());
    expect(unconventional(families)).toEqual([]);
    expect([...families.keys()]).toEqual(
      expect.arrayContaining([
        "millrace_build_info",
        "millrace_requests_total",
        "millrace_request_duration_seconds",
        "millrace_throttled_total",
        "millrace_commit_duration_seconds",
        "millrace_queued_bytes",
        "millrace_disk_free_bytes",
        "millrace_connections",
        "millrace_consumer_lag_seconds",
        "millrace_subscriptions_held_back",
      ]),
    );
  });

  test("the age of the oldest record follows service time", async () => {
    const server = await serverUnderTest({ durability: "fsync", dataDir: "/data" });
    endings.push(() => server.close());
    await activeStream(server.client, server.runtime, "clicks");
    await server.client.putRecord({ StreamName: "clicks", PartitionKey: "a", Data: Buffer.from("x") });
    await server.advance(3_600_000);
    const age = (await metricsOf(server)).get("millrace_oldest_record_age_seconds")?.samples[0]?.value;
    expect(age).toBeGreaterThanOrEqual(3_600);
    expect(age).toBeLessThan(3_660);
  });

  test("refusals are counted by the limit that was exceeded", async () => {
    const server = await serverUnderTest({
      limit: [
        { name: "shardWriteRecords", value: 1 },
        { name: "ListStreams", value: 1 },
      ],
    });
    endings.push(() => server.close());
    await activeStream(server.client, server.runtime, "clicks");
    const record = { PartitionKey: "a", Data: Buffer.from("x") };
    await server.client.putRecords({ StreamName: "clicks", Records: [record, record, record] });
    await server.client.listStreams({});
    await expect(server.client.listStreams({})).rejects.toMatchObject({ code: "LimitExceededException" });
    const { samples = [] } = (await metricsOf(server)).get("millrace_throttled_total") ?? {};
    const counted = Object.fromEntries(samples.map(({ labels, value }) => [labels["limit"], value]));
    expect(counted).toMatchObject({
      shardWriteRecords: 2,
      operationCalls: 1,
      shardWriteBytes: 0,
      shardReadCalls: 0,
    });
  });

  test("a fan-out consumer that does not read falls behind and is held back", async () => {
    const server = await serverUnderTest();
    endings.push(() => server.close());
    const { client, runtime } = server;
    await activeStream(client, runtime, "clicks");
    const { StreamDescriptionSummary } = await client.describeStreamSummary({ StreamName: "clicks" });
    const { Consumer } = await client.registerStreamConsumer({
      StreamARN: StreamDescriptionSummary.StreamARN,
      ConsumerName: "board",
    });
    for (;;) {
      const { ConsumerDescription } = await client.describeStreamConsumer({
        ConsumerARN: Consumer.ConsumerARN,
      });
      if (ConsumerDescription.ConsumerStatus === "ACTIVE") break;
      await runtime.clock.sleep(55);
    }
    const put = () => client.putRecord({ StreamName: "clicks", PartitionKey: "a", Data: Buffer.from("x") });
    await put();
    const answer = await ask(server.service, "POST", "/", {
      headers: {
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": "Kinesis_20131202.SubscribeToShard",
      },
      body: {
        ConsumerARN: Consumer.ConsumerARN,
        ShardId: "shardId-000000000000",
        StartingPosition: { Type: "TRIM_HORIZON" },
      },
    });
    const events = (answer.body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
    // The head of the stream, and the record.
    await events.next();
    await events.next();
    await server.advance(60_000);
    await put();
    const metrics = await metricsOf(server);
    const labels = { account: "000000000000", region: "us-east-1", stream: "clicks", consumer: "board" };
    const [lag] = metrics.get("millrace_consumer_lag_seconds")!.samples;
    expect(lag).toMatchObject({ labels });
    expect(lag!.value).toBeGreaterThanOrEqual(60);
    expect(metrics.get("millrace_subscriptions")!.samples[0]!.value).toBe(1);
    expect(metrics.get("millrace_subscriptions_held_back")!.samples[0]!.value).toBe(1);
    await events.return?.();
    expect((await metricsOf(server)).get("millrace_subscriptions")!.samples[0]!.value).toBe(0);
  });
});

describe("the text", () => {
  test("carries any label through", () => {
    const to = new Exposition();
    const odd = 'a "b" \\ c\nd';
    to.metric("millrace_x", "gauge", "Odd labels.");
    to.sample("millrace_x", 1.5, { odd, plain: "x" });
    expect(readExposition(to.toString()).get("millrace_x")).toEqual({
      type: "gauge",
      help: "Odd labels.",
      samples: [{ name: "millrace_x", labels: { odd, plain: "x" }, value: 1.5 }],
    });
  });

  test.each([
    ["# TYPE millrace_x gauge\n", "no help"],
    ["# HELP millrace_x X.\n# TYPE millrace_x gauge\nmillrace_y 1\n", "not of the metric above"],
    ["# HELP millrace_x X.\n# TYPE millrace_x gauge\nmillrace_x 1\nmillrace_x 1\n", "comes twice"],
    ["# HELP millrace_x X.\n# TYPE millrace_x gauge\nmillrace_x one\n", "no number"],
    ["# HELP millrace_x X.\n# TYPE millrace_x gauge\nmillrace_x{a=b} 1\n", "labels cannot be read"],
    ["# HELP millrace_x X.\n# TYPE millrace_x gauge\nmillrace_x 1", "does not end"],
  ])("%j is refused by a scraper", (text, reason) => {
    expect(() => readExposition(text)).toThrow(reason);
  });

  test("a counter without _total, a summary without a sum and milliseconds are against the conventions", () => {
    const to = new Exposition();
    to.metric("millrace_x", "counter", "X.");
    to.sample("millrace_x", 1);
    to.metric("millrace_y_ms", "gauge", "Y.");
    to.metric("millrace_z_seconds", "summary", "Z.");
    to.sample("millrace_z_seconds", 1, { quantile: "0.5" });
    expect(unconventional(readExposition(to.toString()))).toHaveLength(4);
  });
});
