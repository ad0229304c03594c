import { ServiceError } from "@millrace/api";
import { simulatedClock } from "@millrace/runtime";
import { expect, test } from "vitest";
import { tablesInMemory } from "./index.ts";

const listTables = {
  method: "POST",
  path: "/",
  headers: {
    "content-type": "application/x-amz-json-1.0",
    "x-amz-target": "DynamoDB_20120810.ListTables",
  },
  body: Buffer.from("{}"),
  remoteAddress: "127.0.0.1",
  viaTls: false,
  httpVersion: "1.1",
} as const;

test("requests are answered, unless a test refuses the operation", async () => {
  const clock = simulatedClock();
  const asked: string[] = [];
  const service = tablesInMemory(clock, (operation) => {
    asked.push(operation);
    if (asked.length === 2) throw new ServiceError("RequestLimitExceeded", "not now");
  });
  expect((await clock.finish(service(listTables))).status).toBe(200);
  expect((await clock.finish(service(listTables))).status).toBe(400);
  expect(asked).toEqual(["ListTables", "ListTables"]);
});
