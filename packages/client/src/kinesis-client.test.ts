import { kinesis, ServiceError } from "@millrace/api";
import { seededRandom, simulatedClock } from "@millrace/runtime";
import {
  decodeCbor,
  decodeJson,
  encodeCbor,
  encodeJson,
  encodeMessage,
  type WireRequest,
  type WireResponse,
  type WireService,
} from "@millrace/wire";
import { describe, expect, expectTypeOf, test } from "vitest";
import { createKinesisClient, inProcessTransport, TransportError } from "./index.ts";
import type {
  CallWait,
  KinesisClient,
  KinesisClientOptions,
  SubscriptionEvent,
  TransportRequest,
} from "./index.ts";

const { PutRecord } = kinesis.operations;
const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret" };
const record = { StreamName: "clicks", PartitionKey: "a", Data: Buffer.from("hello") };
const placed = { ShardId: "shardId-000000000000", SequenceNumber: "495" };

function clientOf(service: WireService, options: Partial<KinesisClientOptions> = {}) {
  const clock = simulatedClock();
  const client = createKinesisClient({
    transport: inProcessTransport(service),
    clock,
    random: seededRandom(1),
    ...options,
  });
  return { client, clock };
}

function answer(status: number, body: Uint8Array | readonly Uint8Array[], headers = {}): WireResponse {
  return { status, headers: { "content-type": "application/x-amz-json-1.1", ...headers }, body };
}

const placedAnswer = () => answer(200, encodeJson(placed, PutRecord.output));
const failure = (status: number, code: string, message = "no") =>
  answer(status, [Buffer.from(JSON.stringify({ __type: code, message }))]);

/** A service that gives these answers one after the other, and how often it was asked. */
function script(...answers: (() => WireResponse | Promise<WireResponse>)[]) {
  const requests: WireRequest[] = [];
  const service: WireService = async (request) => {
    requests.push(request);
    const next = answers[Math.min(requests.length, answers.length) - 1];
    if (next === undefined) throw new Error("nothing to answer");
    return next();
  };
  return { service, requests };
}

describe("a call", () => {
  test("names its operation and decodes the answer", async () => {
    const { service, requests } = script(placedAnswer);
    const { client, clock } = clientOf(service);
    expect(await clock.finish(client.putRecord(record))).toEqual(placed);
    expect(requests[0]).toMatchObject({
      method: "POST",
      path: "/",
      headers: { "content-type": "application/x-amz-json-1.1", "x-amz-target": "Kinesis_20131202.PutRecord" },
    });
    expect(requests[0]?.headers["authorization"]).toBeUndefined();
    expect(decodeJson(requests[0]!.body, PutRecord.input)).toEqual(record);
  });

  test("is signed for its region when there are credentials", async () => {
    const { service, requests } = script(placedAnswer);
    const { client, clock } = clientOf(service, {
      credentials: { ...credentials, sessionToken: "token" },
      region: "eu-west-1",
    });
    await clock.finish(client.putRecord(record));
    const { headers } = requests[0]!;
    expect(headers["authorization"]).toMatch(
      /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/20260101\/eu-west-1\/kinesis\/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, Signature=[0-9a-f]{64}$/,
    );
    expect(headers["x-amz-date"]).toBe("20260101T000000Z");
    expect(headers["x-amz-security-token"]).toBe("token");
  });

  test("speaks CBOR when asked to", async () => {
    const { service, requests } = script(() =>
      // Spelled as the server spells it, and not as HTTP hands it on.
      answer(200, encodeCbor(placed, PutRecord.output), { "Content-Type": "application/x-amz-cbor-1.1" }),
    );
    const { client, clock } = clientOf(service, { protocol: "cbor" });
    expect(await clock.finish(client.putRecord(record))).toEqual(placed);
    expect(requests[0]?.headers["content-type"]).toBe("application/x-amz-cbor-1.1");
    expect(decodeCbor(requests[0]!.body, PutRecord.input)).toEqual(record);
  });

  test("an answer without a body is an empty output", async () => {
    const { client, clock } = clientOf(script(() => answer(200, new Uint8Array())).service);
    expect(await clock.finish(client.createStream({ StreamName: "clicks" }))).toEqual({});
  });

  test("inputs and outputs are typed from the contracts", () => {
    expectTypeOf<KinesisClient["putRecord"]>()
      .returns.resolves.toHaveProperty("SequenceNumber")
      .toEqualTypeOf<string>();
    expectTypeOf<KinesisClient["putRecord"]>()
      .parameter(0)
      .toHaveProperty("Data")
      .toEqualTypeOf<Uint8Array>();
    expectTypeOf<SubscriptionEvent>().toHaveProperty("ContinuationSequenceNumber").toEqualTypeOf<string>();
  });

  test("there is one method per operation", () => {
    const { client } = clientOf(script(placedAnswer).service);
    const names = Object.keys(kinesis.operations).map((name) => name.charAt(0).toLowerCase() + name.slice(1));
    expect(Object.keys(client).toSorted()).toEqual([...names, "close"].toSorted());
  });
});

describe("errors", () => {
  test("the service's error arrives with code, message and status, and is not retried", async () => {
    const { service, requests } = script(() =>
      failure(400, "ResourceNotFoundException", "Stream clicks not found."),
    );
    const { client, clock } = clientOf(service);
    const error = await clock.finish(client.putRecord(record).catch((reason: unknown) => reason));
    expect(error).toBeInstanceOf(ServiceError);
    expect(error).toMatchObject({
      code: "ResourceNotFoundException",
      message: "Stream clicks not found.",
      status: 400,
    });
    expect(requests).toHaveLength(1);
  });

  test.each([
    ["com.amazonaws.kinesis#LimitExceededException", "LimitExceededException"],
    ["LimitExceededException:http://internal.amazon.com/", "LimitExceededException"],
  ])("a code written as %s is %s", async (written, code) => {
    const { client, clock } = clientOf(script(() => failure(400, written)).service, { attemptCountMax: 1 });
    await expect(clock.finish(client.putRecord(record))).rejects.toMatchObject({ code });
  });

  test("a CBOR error is read", async () => {
    const body = encodeCbor({ ShardId: "x", SequenceNumber: "1" }, PutRecord.output);
    const { client, clock } = clientOf(
      script(() =>
        answer(400, body, {
          "content-type": "application/x-amz-cbor-1.1",
          "x-amzn-errortype": "InvalidArgumentException",
        }),
      ).service,
      { protocol: "cbor" },
    );
    await expect(clock.finish(client.putRecord(record))).rejects.toMatchObject({
      code: "InvalidArgumentException",
    });
  });

  test("what a proxy says is told as it is", async () => {
    const { client, clock } = clientOf(script(() => answer(403, Buffer.from("Go away\n"))).service);
    await expect(clock.finish(client.putRecord(record))).rejects.toMatchObject({
      code: "UnknownError",
      message: "HTTP status 403: Go away",
      status: 403,
    });
  });
});

describe("retries", () => {
  test.each([
    ["a throttle", () => failure(400, "ProvisionedThroughputExceededException")],
    ["a control-plane throttle", () => failure(400, "LimitExceededException", "Rate exceeded for stream x.")],
    ["a fault of the service", () => failure(500, "InternalFailureException")],
    ["a gateway that is out of order", () => answer(503, Buffer.from("later"))],
  ])("%s is tried again", async (_name, first) => {
    const { service, requests } = script(first, placedAnswer);
    const { client, clock } = clientOf(service);
    expect(await clock.finish(client.putRecord(record))).toEqual(placed);
    expect(requests).toHaveLength(2);
  });

  test("a quota is told at once, and what lies on a damaged disk after one more attempt", async () => {
    const quota = script(() =>
      failure(400, "LimitExceededException", "UpdateShardCount cannot scale up over double"),
    );
    const first = clientOf(quota.service, { attemptCountMax: 10 });
    await expect(first.clock.finish(first.client.putRecord(record))).rejects.toMatchObject({
      code: "LimitExceededException",
    });
    expect(quota.requests).toHaveLength(1);
    expect(first.clock.monotonicMs()).toBe(0);

    const damage = script(() =>
      failure(500, "InternalFailureException", "Records cannot be read: what the disk holds is damaged."),
    );
    const second = clientOf(damage.service, { attemptCountMax: 10 });
    const read = second.client.getRecords({ ShardIterator: "i" });
    await expect(second.clock.finish(read)).rejects.toMatchObject({ code: "InternalFailureException" });
    expect(damage.requests).toHaveLength(2);
    expect(second.clock.monotonicMs()).toBeLessThan(100);
  });

  test("each wait is told with its reason and length", async () => {
    const waits: CallWait[] = [];
    const throttle = () => failure(400, "ProvisionedThroughputExceededException", "slow down");
    const { client, clock } = clientOf(script(throttle, throttle, placedAnswer).service, {
      onWait: (wait) => waits.push(wait),
      random: { ...seededRandom(1), fraction: () => 0.5 },
    });
    await clock.finish(client.putRecord(record));
    expect(waits).toEqual([
      {
        operation: "PutRecord",
        failure: expect.any(ServiceError),
        attemptCount: 1,
        elapsedMs: 0,
        delayMs: 250,
      },
      {
        operation: "PutRecord",
        failure: expect.any(ServiceError),
        attemptCount: 2,
        elapsedMs: 250,
        delayMs: 500,
      },
    ]);
    expect(waits[0]?.failure.message).toBe("slow down");
  });

  test("a broken connection is tried again, and told when it stays broken", async () => {
    const inProcess = inProcessTransport(script(placedAnswer).service);
    let failuresLeft = 2;
    const transport = {
      ...inProcess,
      send: async (request: TransportRequest) => {
        if (failuresLeft-- > 0) throw new TransportError("connection reset", { code: "ECONNRESET" });
        return inProcess.send(request);
      },
    };
    const { client, clock } = clientOf(script(placedAnswer).service, { transport });
    expect(await clock.finish(client.putRecord(record))).toEqual(placed);
    failuresLeft = 3;
    await expect(clock.finish(client.putRecord(record))).rejects.toMatchObject({
      code: "ConnectionFailed",
      message: "connection reset",
      status: 0,
    });
  });

  test("attempts end, and the last failure is told", async () => {
    const { service, requests } = script(() =>
      failure(400, "ProvisionedThroughputExceededException", "slow down"),
    );
    const { client, clock } = clientOf(service, { attemptCountMax: 4 });
    await expect(clock.finish(client.putRecord(record))).rejects.toMatchObject({
      code: "ProvisionedThroughputExceededException",
      message: "slow down",
    });
    expect(requests).toHaveLength(4);
  });

  test("a call may be given fewer attempts than the client's", async () => {
    const { service, requests } = script(() => failure(503, "ServiceUnavailable"), placedAnswer);
    const { client, clock } = clientOf(service);
    await expect(clock.finish(client.putRecord(record, { attemptCountMax: 1 }))).rejects.toMatchObject({
      code: "ServiceUnavailable",
    });
    expect(requests).toHaveLength(1);
  });

  test("each attempt is signed anew", async () => {
    const { service, requests } = script(
      () => failure(400, "ProvisionedThroughputExceededException"),
      placedAnswer,
    );
    const { client, clock } = clientOf(service, {
      credentials,
      random: { ...seededRandom(1), fraction: () => 0.999 },
    });
    clock.jump(600);
    await clock.finish(client.putRecord(record));
    expect(requests.map(({ headers }) => headers["x-amz-date"])).toEqual([
      "20260101T000000Z",
      "20260101T000001Z",
    ]);
    expect(requests[0]?.headers["authorization"]).not.toBe(requests[1]?.headers["authorization"]);
  });

  test("a service that says nothing is given up after the attempt's time, and asked again", async () => {
    const { service, requests } = script(() => new Promise<WireResponse>(() => {}), placedAnswer);
    const { client, clock } = clientOf(service, { attemptTimeoutMs: 1_000 });
    expect(await clock.finish(client.putRecord(record))).toEqual(placed);
    expect(requests).toHaveLength(2);
    expect(clock.monotonicMs()).toBeGreaterThanOrEqual(1_000);
    expect(clock.monotonicMs()).toBeLessThan(1_100);
  });

  test("the deadline ends a call that never gets an answer", async () => {
    const { service } = script(() => new Promise<WireResponse>(() => {}));
    const { client, clock } = clientOf(service);
    await expect(clock.finish(client.putRecord(record, { deadlineMs: 700 }))).rejects.toMatchObject({
      code: "DeadlineExceeded",
      status: 0,
    });
    expect(clock.monotonicMs()).toBe(700);
  });

  test("a caller who gives up gets the signal's reason", async () => {
    const { service } = script(() => new Promise<WireResponse>(() => {}));
    const { client, clock } = clientOf(service);
    const controller = new AbortController();
    const call = client.putRecord(record, { signal: controller.signal });
    clock.schedule(50, () => controller.abort(new Error("enough")));
    await expect(clock.finish(call)).rejects.toThrow("enough");
    expect(clock.pendingCount).toBe(0);
  });

  test("nothing is left scheduled after a call", async () => {
    const { client, clock } = clientOf(
      script(() => failure(500, "InternalFailureException"), placedAnswer).service,
    );
    await clock.finish(client.putRecord(record));
    expect(clock.pendingCount).toBe(0);
  });
});

describe("subscribeToShard", () => {
  const input = {
    ConsumerARN: "arn:aws:kinesis:us-east-1:000000000000:stream/clicks/consumer/app:1",
    ShardId: "shardId-000000000000",
    StartingPosition: { Type: "LATEST" as const },
  };
  const initial = encodeMessage({ ":message-type": "event", ":event-type": "initial-response" }, [
    Buffer.from("{}"),
  ]);
  const event = (continuation: string) =>
    encodeMessage({ ":message-type": "event", ":event-type": "SubscribeToShardEvent" }, [
      Buffer.from(
        JSON.stringify({ Records: [], ContinuationSequenceNumber: continuation, MillisBehindLatest: 0 }),
      ),
    ]);
  const exception = encodeMessage(
    { ":message-type": "exception", ":exception-type": "ResourceInUseException" },
    [Buffer.from('{"message":"Another active subscription exists for this consumer"}')],
  );

  function streamOf(pieces: readonly Uint8Array[], hooks: { left?: () => void; thenSilent?: boolean } = {}) {
    return script(() => ({
      status: 200,
      headers: { "content-type": "application/vnd.amazon.eventstream" },
      body: (async function* () {
        try {
          yield* pieces;
          if (hooks.thenSilent === true) await new Promise(() => {});
        } finally {
          hooks.left?.();
        }
      })(),
    }));
  }

  async function collect(events: AsyncIterable<SubscriptionEvent>): Promise<string[]> {
    const seen: string[] = [];
    for await (const { ContinuationSequenceNumber } of events) seen.push(ContinuationSequenceNumber);
    return seen;
  }

  test("yields events however the pieces fall, and ends with the stream", async () => {
    const whole = Buffer.concat([initial, event("1"), event("2")]);
    const pieces = Array.from({ length: Math.ceil(whole.length / 7) }, (_, at) =>
      whole.subarray(at * 7, at * 7 + 7),
    );
    const { client, clock } = clientOf(streamOf(pieces).service);
    expect(await clock.finish(collect(client.subscribeToShard(input)))).toEqual(["1", "2"]);
    expect(clock.pendingCount).toBe(0);
  });

  test("an exception in the stream is thrown as the service's error", async () => {
    const { client, clock } = clientOf(streamOf([initial, event("1"), exception]).service);
    await expect(clock.finish(collect(client.subscribeToShard(input)))).rejects.toMatchObject({
      code: "ResourceInUseException",
      message: "Another active subscription exists for this consumer",
    });
  });

  test("leaving the loop unsubscribes", async () => {
    let left = false;
    const { client, clock } = clientOf(
      streamOf([initial, event("1"), event("2")], { left: () => (left = true) }).service,
    );
    await clock.finish(
      (async () => {
        for await (const one of client.subscribeToShard(input)) {
          expect(one.ContinuationSequenceNumber).toBe("1");
          break;
        }
      })(),
    );
    expect(left).toBe(true);
    expect(clock.pendingCount).toBe(0);
  });

  test("a refusal before the stream is retried like any other call", async () => {
    const refused = failure(400, "LimitExceededException", "Rate exceeded for consumer app.");
    const opened = streamOf([initial, event("1")]);
    let asked = 0;
    const { client, clock } = clientOf(async (request) =>
      asked++ === 0 ? refused : opened.service(request),
    );
    expect(await clock.finish(collect(client.subscribeToShard(input)))).toEqual(["1"]);
    expect(asked).toBe(2);
  });

  test("a subscription that falls silent is given up", async () => {
    const { client, clock } = clientOf(streamOf([initial, event("1")], { thenSilent: true }).service, {
      attemptTimeoutMs: 10_000,
    });
    const call = collect(client.subscribeToShard(input));
    await expect(clock.finish(call)).rejects.toMatchObject({ code: "ConnectionFailed", status: 0 });
    expect(clock.monotonicMs()).toBe(10_000);
  });

  test("a slow consumer is not mistaken for a silent service", async () => {
    const { client, clock } = clientOf(streamOf([initial, event("1"), event("2")]).service, {
      attemptTimeoutMs: 1_000,
    });
    const seen: string[] = [];
    await clock.finish(
      (async () => {
        for await (const one of client.subscribeToShard(input)) {
          await clock.sleep(60_000);
          seen.push(one.ContinuationSequenceNumber);
        }
      })(),
    );
    expect(seen).toEqual(["1", "2"]);
  });

  test("aborting ends it with the signal's reason", async () => {
    const controller = new AbortController();
    const { client, clock } = clientOf(streamOf([initial], { thenSilent: true }).service);
    clock.schedule(100, () => controller.abort(new Error("enough")));
    await expect(
      clock.finish(collect(client.subscribeToShard(input, { signal: controller.signal }))),
    ).rejects.toThrow("enough");
  });
});
