import { describe, expect, test } from "vitest";
import { messagesIn } from "../../src/event-stream.ts";
import { headersOf, rawCasesRun, requestUntil } from "../../src/raw.ts";
import { newAccount, shard, utf8 } from "../../src/suite.ts";
import { target } from "../../src/target.ts";

describe.runIf(rawCasesRun)("an event stream", () => {
  test("begins with initial-response, at once, and then has events", async () => {
    const account = newAccount();
    const stream = await account.stream();
    const ConsumerARN = await account.consumer(stream);
    await account.call("PutRecord", { StreamName: stream.name, PartitionKey: "k", Data: utf8("x") });
    const answer = await requestUntil(
      {
        headers: headersOf("SubscribeToShard", undefined, await account.id()),
        body: JSON.stringify({ ConsumerARN, ShardId: shard(0), StartingPosition: { Type: "TRIM_HORIZON" } }),
      },
      (received) => messagesIn(received).length >= 2,
    );
    expect(answer.status).toBe(200);
    expect(answer.headers["content-type"]).toBe("application/vnd.amazon.eventstream");
    const [first, second] = messagesIn(answer.body);
    expect(first?.headers).toEqual({
      ":message-type": "event",
      ":event-type": "initial-response",
      ":content-type": "application/x-amz-json-1.1",
    });
    expect(first?.payload.toString()).toBe("{}");
    expect(second?.headers).toEqual({
      ":message-type": "event",
      ":event-type": "SubscribeToShardEvent",
      ":content-type": "application/x-amz-json-1.1",
    });
    const event = JSON.parse(second?.payload.toString() ?? "") as Record<string, unknown>;
    expect(Object.keys(event).toSorted()).toEqual(
      expect.arrayContaining(["ContinuationSequenceNumber", "MillisBehindLatest", "Records"]),
    );
    expect(event["Records"]).toMatchObject([{ Data: "eA==", PartitionKey: "k" }]);
  });

  test("of an empty shard begins with initial-response without waiting for a record", async () => {
    const account = newAccount();
    const ConsumerARN = await account.consumer(await account.stream());
    const answer = await requestUntil(
      {
        headers: headersOf("SubscribeToShard", undefined, await account.id()),
        body: JSON.stringify({ ConsumerARN, ShardId: shard(0), StartingPosition: { Type: "LATEST" } }),
      },
      (received) => messagesIn(received).length >= 1,
    );
    expect(messagesIn(answer.body)[0]?.headers[":event-type"]).toBe("initial-response");
  });

  test("that a later subscription took over ends, or says ResourceInUseException", async () => {
    const account = newAccount();
    const ConsumerARN = await account.consumer(await account.stream());
    const input = { ConsumerARN, ShardId: shard(0), StartingPosition: { Type: "LATEST" } };
    const headers = headersOf("SubscribeToShard", undefined, await account.id());
    let begun: () => void;
    const first = new Promise<void>((resolve) => (begun = resolve));
    const whole = requestUntil({ headers, body: JSON.stringify(input) }, (received) => {
      if (received.length > 0) begun();
      return false;
    });
    await first;
    await target.controls?.advance(6_000);
    const second = await account.subscribe(input);
    const messages = messagesIn((await whole).body);
    const last = messages.at(-1);
    if (last?.headers[":message-type"] === "exception") {
      expect(last.headers[":exception-type"]).toBe("ResourceInUseException");
      expect(JSON.parse(last.payload.toString())).toHaveProperty("message");
    } else {
      expect(last?.headers[":message-type"]).toBe("event");
    }
    second.close();
  });
});
