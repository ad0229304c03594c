/** Calls that reach their handlers. */
import { kinesis, ServiceError } from "@millrace/api";
import { describe, expect, expectTypeOf, test } from "vitest";
import { ConnectionDropped, decodeCbor, decodeResponse, failuresOf } from "./index.ts";
import type { AnswerOf, Caller, Handlers, Intercept } from "./index.ts";
import { bytesOf, call, cbor, json, requestId, requestOf, serviceOf } from "./test-support.ts";
import type { Kinesis, Traces } from "./test-support.ts";

function freshTraces(): Traces {
  return { logged: [], bugs: [] };
}

const { ListStreams, PutRecord, SubscribeToShard } = kinesis.operations;

describe("operations", () => {
  const put = { StreamName: "s", PartitionKey: "k", Data: Uint8Array.of(1, 2) };

  test.each(["json", "cbor"] as const)("a call goes to its handler and back (%s)", async (format) => {
    const seen: { caller: Caller; input: unknown }[] = [];
    const response = await call("PutRecord", put, {
      format,
      handlers: {
        PutRecord: async (caller, { StreamName, PartitionKey, Data }) => {
          // Its memory is used again after the answer.
          seen.push({
            caller: { ...caller, sourceIp: caller.sourceIp },
            input: { StreamName, PartitionKey, Data: Buffer.from(Data) },
          });
          return { ShardId: "shardId-000000000000", SequenceNumber: "49" };
        },
      },
    });
    expect(response.status).toBe(200);
    expect(response.headers["Content-Type"]).toBe(format === "json" ? json : cbor);
    expect(seen).toEqual([
      {
        caller: {
          accountId: "000000000000",
          region: "us-east-1",
          principal: "anonymous",
          sourceIp: "127.0.0.1",
          viaTls: false,
          requestId: requestId,
        },
        input: { StreamName: "s", PartitionKey: "k", Data: Buffer.from([1, 2]) },
      },
    ]);
    const received = {
      status: response.status,
      headers: { "content-type": response.headers["Content-Type"] ?? "" },
      body: bytesOf(response),
    };
    expect(decodeResponse(kinesis, "PutRecord", received)).toEqual({
      ShardId: "shardId-000000000000",
      SequenceNumber: "49",
    });
  });

  test("an operation without output members answers with no body", async () => {
    const response = await call(
      "CreateStream",
      { StreamName: "s" },
      { handlers: { CreateStream: async () => ({}) } },
    );
    expect(response.headers["Content-Type"]).toBe(json);
    expect(bytesOf(response)).toHaveLength(0);
  });

  test("a refusal is told by its code and message, in JSON", async () => {
    const failure = failuresOf(PutRecord);
    const traces = freshTraces();
    const response = await call("PutRecord", put, {
      traces,
      handlers: {
        PutRecord: async () => {
          throw failure("ResourceNotFoundException", "Stream s under account 1 not found.");
        },
      },
    });
    expect(response.status).toBe(400);
    expect(bytesOf(response).toString()).toBe(
      '{"__type":"ResourceNotFoundException","message":"Stream s under account 1 not found."}',
    );
    expect(response.headers["x-amzn-ErrorType"]).toBeUndefined();
    expect(traces.logged.filter(({ level }) => level !== "debug")).toEqual([]);
  });

  test("a refusal is told in CBOR too, and in a header", async () => {
    const response = await call("PutRecord", put, {
      format: "cbor",
      handlers: {
        PutRecord: () => Promise.reject(new ServiceError("ResourceNotFoundException", "gone")),
      },
    });
    expect(response.status).toBe(400);
    expect(response.headers["x-amzn-ErrorType"]).toBe("ResourceNotFoundException");
    expect(bytesOf(response).toString("latin1")).toBe(
      "\xbf\x66__type\x78\x19ResourceNotFoundException\x67message\x64gone\xff",
    );
  });

  test("a bug is a failure of ours: logged with the request's id, told without its reason", async () => {
    const bug = new RangeError("secret detail");
    const traces = freshTraces();
    const response = await call("PutRecord", put, {
      traces,
      handlers: { PutRecord: () => Promise.reject(bug) },
    });
    expect(response.status).toBe(500);
    expect(JSON.parse(bytesOf(response).toString())).toEqual({
      __type: "InternalFailureException",
      message: "The request processing has failed because of an unknown error, exception or failure.",
    });
    expect(traces.bugs).toEqual([bug]);
    const errors = traces.logged.filter(({ level }) => level === "error");
    expect(errors).toHaveLength(1);
    expect(errors[0]?.fields["requestId"]).toBe(requestId);
    expect(errors[0]?.fields["error"]).toContain("secret detail");
  });

  test("an output that is not of its shape is a bug", async () => {
    const traces = freshTraces();
    const response = await call("PutRecord", put, {
      traces,
      handlers: { PutRecord: async () => ({ ShardId: 5 }) as never },
    });
    expect(response.status).toBe(500);
    expect(traces.bugs).toHaveLength(1);
  });

  test("a code that the contract does not list is told, and logged", async () => {
    const traces = freshTraces();
    const response = await call("PutRecord", put, {
      traces,
      handlers: {
        PutRecord: () => Promise.reject(new ServiceError("ExpiredIteratorException", "x")),
      },
    });
    expect(response.status).toBe(400);
    expect(traces.logged.filter(({ level }) => level === "warn")).toHaveLength(1);
  });

  test("every request is logged, without its data", async () => {
    const traces = freshTraces();
    const target = "Kinesis_20131202.ListStreams";
    const headers = { "content-type": json, "x-amz-target": target, "amz-sdk-invocation-id": "i" };
    await serviceOf({}, traces)(requestOf({ headers, body: "{}" }));
    expect(traces.logged).toEqual([
      {
        level: "debug",
        message: "request answered",
        fields: {
          requestId: requestId,
          target,
          status: 200,
          errorCode: undefined,
          durationMs: 0,
          invocationId: "i",
        },
      },
    ]);
  });
});

describe("intercept", () => {
  test("stands around the handler and may refuse", async () => {
    const story: string[] = [];
    const intercept: Intercept = async (caller, operation, input, next) => {
      story.push(`before ${operation.name} of ${caller.accountId} with ${JSON.stringify(input)}`);
      const output = await next();
      story.push(`after ${JSON.stringify(output)}`);
      return output;
    };
    await call("ListStreams", { Limit: 5 }, { intercept });
    expect(story).toEqual([
      'before ListStreams of 000000000000 with {"Limit":5}',
      'after {"StreamNames":[],"HasMoreStreams":false}',
    ]);

    const refusing: Intercept = () =>
      Promise.reject(new ServiceError("ThrottlingException", "Rate exceeded", { status: 400 }));
    const response = await call("ListStreams", {}, { intercept: refusing });
    expect(bytesOf(response).toString()).toContain("ThrottlingException");
  });
});

test("a dropped connection is the only thing that a service throws", async () => {
  const traces = freshTraces();
  const intercept: Intercept = () => Promise.reject(new ConnectionDropped());
  await expect(call("ListStreams", {}, { intercept, traces })).rejects.toThrow(ConnectionDropped);
  expect(traces.bugs).toEqual([]);
});

describe("types", () => {
  test("handlers are typed by their contracts", () => {
    type Subscribed = AnswerOf<typeof SubscribeToShard>;
    expectTypeOf<keyof Subscribed>().toEqualTypeOf<"EventStream">();
    expectTypeOf<Subscribed["EventStream"]>().toExtend<AsyncIterable<object>>();
    expectTypeOf<Awaited<ReturnType<Handlers<Kinesis>["ListStreams"]>>>().toExtend<{
      StreamNames: readonly string[];
      HasMoreStreams: boolean;
    }>();
    expectTypeOf<Parameters<Handlers<Kinesis>["PutRecord"]>[1]["Data"]>().toEqualTypeOf<Uint8Array>();
  });

  test("a failure accepts only the codes of its contract", () => {
    const failure = failuresOf(ListStreams);
    expect(failure("LimitExceededException", "m")).toMatchObject({ code: "LimitExceededException" });
    expect(failure("ValidationException", "m").status).toBe(400);
    // @ts-expect-error ListStreams does not list this code.
    expect(() => failure("ResourceInUseException", "m")).toThrow(TypeError);
  });
});

test("an answer in CBOR decodes with the same decoder that reads requests", async () => {
  const response = await call("ListStreams", {}, { format: "cbor" });
  expect(decodeCbor(bytesOf(response), ListStreams.output)).toEqual({
    StreamNames: [],
    HasMoreStreams: false,
  });
});
