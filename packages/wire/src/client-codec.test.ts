import { kinesis, ServiceError } from "@millrace/api";
import { describe, expect, test } from "vitest";
import {
  decodeCbor,
  decodeError,
  decodeEventStream,
  decodeJson,
  decodeResponse,
  encodeCbor,
  encodeMessage,
  encodeRequest,
  EventStreamFault,
  joinedResponse,
  SerializationFault,
} from "./index.ts";
import type { FormatName, ReceivedPieces, ReceivedResponse } from "./index.ts";

const { GetRecords, PutRecords } = kinesis.operations;

function responseOf(status: number, body: string | Uint8Array, headers = {}) {
  return {
    status,
    headers: { "content-type": "application/x-amz-json-1.1", ...headers },
    body: Buffer.from(body as string),
  };
}

describe("encodeRequest", () => {
  const input = { StreamName: "s", Records: [{ PartitionKey: "k", Data: Uint8Array.of(1) }] };

  test.each([
    ["json", decodeJson],
    ["cbor", decodeCbor],
  ] as const)("names the operation and the format (%s)", (format, decode) => {
    const { method, path, headers, body } = encodeRequest(kinesis, "PutRecords", input, format);
    expect({ method, path, headers }).toEqual({
      method: "POST",
      path: "/",
      headers: {
        "content-type": `application/x-amz-${format}-1.1`,
        "x-amz-target": "Kinesis_20131202.PutRecords",
      },
    });
    expect(decode(Buffer.concat(body), PutRecords.input)).toEqual({
      StreamName: "s",
      Records: [{ PartitionKey: "k", Data: Buffer.from([1]) }],
    });
  });

  test("does not check constraints, so that a service can be tested with wrong values", () => {
    const { body } = encodeRequest(kinesis, "PutRecords", { Records: [] }, "json");
    expect(Buffer.concat(body).toString()).toBe('{"Records":[]}');
  });

  test("an unknown operation is a mistake of the caller", () => {
    const name = "constructor" as "ListStreams";
    expect(() => encodeRequest(kinesis, name, {}, "json")).toThrow(TypeError);
  });
});

describe("decodeResponse", () => {
  test("an output, by the type of the response", () => {
    const output = {
      Records: [{ SequenceNumber: "1", Data: Buffer.from("a"), ApproximateArrivalTimestamp: 1_234_567 }],
      MillisBehindLatest: 5,
    };
    const pieces = encodeCbor(output, GetRecords.output);
    const headers = { "content-type": "application/x-amz-cbor-1.1" };
    expect(decodeResponse(kinesis, "GetRecords", responseOf(200, Buffer.concat(pieces), headers))).toEqual(
      output,
    );
  });

  test("a body in pieces is what it is as one", () => {
    const inPieces = ({ status, headers, body }: ReceivedResponse): ReceivedPieces => ({
      status,
      headers,
      body: [body.subarray(0, 3), body.subarray(3, 3), body.subarray(3)],
    });
    const text = responseOf(200, '{"ShardIterator":"i"}');
    expect(decodeResponse(kinesis, "GetShardIterator", inPieces(text))).toEqual({ ShardIterator: "i" });
    expect(decodeResponse(kinesis, "CreateStream", inPieces(responseOf(200, "")))).toEqual({});
    const error = inPieces(responseOf(400, '{"__type":"ResourceNotFoundException","message":"gone"}'));
    expect(() => decodeResponse(kinesis, "GetRecords", error)).toThrow("gone");
    expect(joinedResponse(error).body.toString()).toContain("gone");
  });

  test("no body is an output without members", () => {
    expect(decodeResponse(kinesis, "CreateStream", responseOf(200, ""))).toEqual({});
  });

  test("members that the contract does not know yet are dropped", () => {
    expect(
      decodeResponse(kinesis, "GetShardIterator", responseOf(200, '{"ShardIterator":"i","New":[{}]}')),
    ).toEqual({ ShardIterator: "i" });
  });

  test("a body that does not fit is a serialization fault", () => {
    expect(() => decodeResponse(kinesis, "GetRecords", responseOf(200, "oops"))).toThrow(SerializationFault);
  });

  test("an error is thrown with its code, message and status", () => {
    const body = '{"__type":"ResourceNotFoundException","message":"gone"}';
    expect(() => decodeResponse(kinesis, "GetRecords", responseOf(400, body))).toThrow(ServiceError);
    expect(decodeError(responseOf(400, body))).toMatchObject({
      code: "ResourceNotFoundException",
      message: "gone",
      status: 400,
    });
  });
});

describe("decodeError", () => {
  test.each([
    ['{"__type":"com.amazon.coral.service#Slow","Message":"m"}', {}, "Slow", "m"],
    ['{"__type":"Slow:http://internal/"}', {}, "Slow", ""],
    ["{}", { "x-amzn-errortype": "Slow:http://internal/" }, "Slow", ""],
    ["<UnknownOperationException/>\n", {}, "UnknownOperationException", ""],
    ["<A>\n  <Message>m</Message>\n</A>\n", {}, "A", ""],
    ["", {}, "UnknownError", ""],
    ["<html lang=x>", {}, "UnknownError", ""],
    ["[]", {}, "UnknownError", ""],
  ])("%s with %j is %s", (body, headers, code, message) => {
    expect(decodeError(responseOf(503, body, headers))).toMatchObject({
      code,
      message,
      status: 503,
    });
  });

  test("a CBOR error is read as CBOR", () => {
    const body = Buffer.from("bf665f5f747970656141676d657373616765616dff", "hex");
    const headers = { "content-type": "application/x-amz-cbor-1.1" };
    expect(decodeError(responseOf(400, body, headers))).toMatchObject({ code: "A", message: "m" });
  });
});

describe("decodeEventStream", () => {
  const initial = encodeMessage({ ":message-type": "event", ":event-type": "initial-response" }, [
    Buffer.from("{}"),
  ]);
  const payload = '{"Records":[],"ContinuationSequenceNumber":"1","MillisBehindLatest":0}';
  const event = encodeMessage({ ":message-type": "event", ":event-type": "SubscribeToShardEvent" }, [
    Buffer.from(payload),
  ]);
  const decoded = {
    SubscribeToShardEvent: {
      Records: [],
      ContinuationSequenceNumber: "1",
      MillisBehindLatest: 0,
    },
  };

  async function* pieces(bytes: Uint8Array, sizeBytes = 7, ended = () => {}) {
    try {
      for (let start = 0; start < bytes.length; start += sizeBytes) {
        yield bytes.subarray(start, start + sizeBytes);
      }
    } finally {
      ended();
    }
  }

  async function eventsOf(bytes: Uint8Array): Promise<unknown[]> {
    const { EventStream } = await decodeEventStream(kinesis, "SubscribeToShard", pieces(bytes));
    const events = [];
    for await (const value of EventStream) events.push(value);
    return events;
  }

  test("gives the values in order", async () => {
    expect(await eventsOf(Buffer.concat([initial, event, event]))).toEqual([decoded, decoded]);
  });

  test("a stream without its first message loses nothing", async () => {
    expect(await eventsOf(event)).toEqual([decoded]);
    expect(await eventsOf(Buffer.alloc(0))).toEqual([]);
  });

  test("events that the contract does not know yet are passed over", async () => {
    const unknown = encodeMessage({ ":message-type": "event", ":event-type": "toString" }, []);
    expect(await eventsOf(Buffer.concat([initial, unknown, event]))).toEqual([decoded]);
  });

  test.each([
    [{ ":message-type": "exception", ":exception-type": "KMSOptInRequired" }, '{"message":"m"}'],
    [{ ":message-type": "error", ":error-code": "KMSOptInRequired", ":error-message": "m" }, ""],
  ])("%j is thrown", async (headers, body) => {
    const refusal = encodeMessage(headers, [Buffer.from(body)]);
    await expect(eventsOf(Buffer.concat([initial, refusal]))).rejects.toMatchObject({
      name: "ServiceError",
      code: "KMSOptInRequired",
      message: "m",
    });
  });

  test.each([
    ["no type", encodeMessage({}, [])],
    [
      "a payload that does not fit",
      encodeMessage({ ":message-type": "event", ":event-type": "SubscribeToShardEvent" }, [
        Buffer.from("[]"),
      ]),
    ],
    ["a message cut off", event.subarray(0, 20)],
    ["a wrong checksum", Buffer.concat([event.subarray(0, -1), Buffer.from([0])])],
  ])("%s is a fault of the stream", async (_what, bytes) => {
    await expect(eventsOf(Buffer.concat([initial, bytes]))).rejects.toThrow(EventStreamFault);
  });

  test("leaving early ends the source", async () => {
    let ended = 0;
    const source = pieces(Buffer.concat([initial, event, event]), 7, () => ended++);
    const { EventStream } = await decodeEventStream(kinesis, "SubscribeToShard", source);
    for await (const value of EventStream) {
      expect(value).toEqual(decoded);
      break;
    }
    expect(ended).toBe(1);
  });

  test("ending a stream before its first event ends the source", async () => {
    let ended = false;
    const source = {
      [Symbol.asyncIterator]: () => ({
        next: () => Promise.resolve({ done: false, value: initial }),
        return: () => {
          ended = true;
          return Promise.resolve({ done: true, value: undefined });
        },
      }),
    } as AsyncIterable<Uint8Array>;
    const { EventStream } = await decodeEventStream(kinesis, "SubscribeToShard", source);
    await EventStream[Symbol.asyncIterator]().return?.();
    expect(ended).toBe(true);
  });

  test("an operation that answers with a body has no stream", async () => {
    await expect(decodeEventStream(kinesis, "ListStreams", pieces(initial))).rejects.toThrow(TypeError);
  });
});

test("both formats are known by name", () => {
  for (const format of ["json", "cbor"] satisfies FormatName[]) {
    expect(encodeRequest(kinesis, "ListStreams", {}, format).body.length).toBeGreaterThan(0);
  }
});
