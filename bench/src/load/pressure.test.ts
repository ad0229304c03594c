/** Pressure on a server of the test's own, which answers by a list. */
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import type { PressurePlan } from "./pressure-plan.ts";
import { Pressure } from "./pressure.ts";
import { checkTotals } from "./run-pressure.ts";

type Answer = (response: ServerResponse) => void;

const stored: Answer = (response) =>
  response.end(JSON.stringify({ SequenceNumber: "491", ShardId: "shardId-000000000000" }));

function error(status: number, type: string, headers: Record<string, string> = {}): Answer {
  return (response) => {
    response.writeHead(status, { "content-type": "application/x-amz-json-1.1", ...headers });
    response.end(JSON.stringify({ __type: type, message: "no" }));
  };
}

const refused = error(503, "ServiceUnavailableException", { connection: "close" });
const throttled = error(400, "ProvisionedThroughputExceededException");
const broken: Answer = (response) => response.destroy();

const closings: (() => void)[] = [];
afterEach(() => {
  for (const close of closings.splice(0)) close();
});

/** Gives these answers, in order, and success ever after. */
async function answering(
  ...answers: readonly Answer[]
): Promise<{ endpoint: string; requestCount(): number }> {
  let requestCount = 0;
  const server = createServer((request, response) => {
    request.resume().on("end", () => {
      requestCount += 1;
      (answers[requestCount - 1] ?? stored)(response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closings.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requestCount: () => requestCount,
  };
}

const plan = (endpoint: string, changes: Partial<PressurePlan> = {}): PressurePlan => ({
  endpoint,
  operation: "PutRecord",
  protocol: "json",
  streamName: "s",
  connections: 1,
  recordBytes: 10,
  partitionKeys: { count: 10, seed: 1 },
  requests: 5,
  ...changes,
});

async function press(given: PressurePlan) {
  const pressure = await Pressure.open(given);
  pressure.start();
  const totals = await pressure.stop();
  return { totals, window: pressure.window() };
}

describe("pressure", () => {
  test("goes on under refusals that close the connection, and under throttles", async () => {
    const { endpoint, requestCount } = await answering(stored, refused, throttled, refused, stored);
    const { totals, window } = await press(plan(endpoint));
    expect(requestCount()).toBe(5);
    expect(totals).toMatchObject({
      acknowledgedRecords: 2,
      refusedRequests: 2,
      throttledRecords: 1,
      unknownRecords: 0,
    });
    expect(window).toMatchObject({
      acknowledgedRecords: 2,
      stored: { requests: 2 },
      refused: { requests: 2 },
      throttled: { requests: 1 },
    });
    expect(() => checkTotals(totals)).not.toThrow();
  });

  test("takes another error for a finding, also when it is a 503", async () => {
    const failed = await press(
      plan((await answering(error(500, "InternalFailure"))).endpoint, { requests: 1 }),
    );
    expect(failed.totals.errors).toMatchObject({ "500 InternalFailure": { count: 1 } });
    expect(() => checkTotals(failed.totals)).toThrow("500 InternalFailure");
    const odd = await press(plan((await answering(error(503, "Other"))).endpoint, { requests: 1 }));
    expect(odd.totals).toMatchObject({ refusedRequests: 0, errors: { "503 Other": { count: 1 } } });
  });

  test("does not know what became of a request whose connection broke, and connects again", async () => {
    const { endpoint, requestCount } = await answering(stored, broken, stored);
    const { totals } = await press(plan(endpoint, { requests: 4 }));
    expect(requestCount()).toBe(4);
    expect(totals).toMatchObject({ acknowledgedRecords: 3, unknownRecords: 1 });
    expect(totals.brokenConnections.count).toBe(1);
    expect(() => checkTotals(totals)).toThrow("1 connections broke");
  });

  test("counts records of a batch one by one", async () => {
    const some: Answer = (response) =>
      response.end(
        JSON.stringify({
          FailedRecordCount: 2,
          Records: [
            { SequenceNumber: "491", ShardId: "shardId-000000000000" },
            ...[1, 2].map(() => ({
              ErrorCode: "ProvisionedThroughputExceededException",
              ErrorMessage: "no",
            })),
          ],
        }),
      );
    const batch = { operation: "PutRecords", recordsPerRequest: 3, requests: 1 } as const;
    const { totals } = await press(plan((await answering(some)).endpoint, batch));
    expect(totals).toMatchObject({ acknowledgedRecords: 1, throttledRecords: 2, errors: {} });
    // Which of them is acknowledged is not looked at.
    expect(totals.digest).toBeUndefined();
  });

  test("in an open loop sends what is due on whatever connection is free", async () => {
    const { endpoint, requestCount } = await answering();
    const { totals } = await press(
      plan(endpoint, { requests: 20, requestsPerSecond: 1_000, connections: 3 }),
    );
    expect(requestCount()).toBe(20);
    expect(totals.acknowledgedRecords).toBe(20);
  });

  test("without a number of requests sends until it is stopped, and waits for the last answers", async () => {
    const held: ServerResponse[] = [];
    const { endpoint, requestCount } = await answering((response) => held.push(response));
    const { requests: _, ...endless } = plan(endpoint);
    const pressure = await Pressure.open(endless);
    pressure.start();
    await expect.poll(() => held.length).toBe(1);
    const stopping = pressure.stop();
    stored(held[0]!);
    expect((await stopping).acknowledgedRecords).toBe(1);
    expect(requestCount()).toBe(1);
  });
});
