import { KinesisClient } from "@aws-sdk/client-kinesis";
import { type Millrace, startMillrace } from "millrace";
import { afterEach, beforeEach, expect, test } from "vitest";
import { storedOrders, storeOrders } from "./order-log.ts";

let server: Millrace;
let kinesis: KinesisClient;
beforeEach(async () => {
  server = await startMillrace({ streams: { orders: 1 } });
  const credentials = { accessKeyId: "any", secretAccessKey: "any" };
  kinesis = new KinesisClient({ endpoint: server.endpoint, region: "us-east-1", credentials });
});
afterEach(async () => {
  kinesis.destroy();
  await server.close();
});

test("orders that are refused are put again, and none is lost or stored twice", async () => {
  const fault = server.faults.add({ kind: "partial", operation: "PutRecords", count: 2 });
  expect(await storeOrders(kinesis, ["shoes", "hat", "coat"])).toBe(2);
  expect((await storedOrders(kinesis)).toSorted()).toEqual(["coat", "hat", "shoes"]);
  expect(server.faults.list()).toMatchObject([{ id: fault, hitCount: 2 }]);
});

test("the client's own retries outlast a throttle", async () => {
  server.faults.add({ kind: "throttle", operation: "PutRecords", count: 2 });
  await storeOrders(kinesis, ["shoes"]);
  expect(await storedOrders(kinesis)).toEqual(["shoes"]);
});

test("orders are kept for a day", async () => {
  await storeOrders(kinesis, ["shoes"]);
  await server.clock.advance("23h");
  expect(await storedOrders(kinesis)).toEqual(["shoes"]);
  await server.clock.advance("2h");
  expect(await storedOrders(kinesis)).toEqual([]);
});
