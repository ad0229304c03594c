import { brokerContract } from "@millrace/log-jetstream/contract";
import { afterAll, afterEach, beforeAll } from "vitest";
import { Clients } from "./src/clients.ts";
import { type NatsCluster, startNatsCluster } from "./src/nats-cluster.ts";

let cluster: NatsCluster | undefined;
let testNumber = 0;
const clients = new Clients();

beforeAll(async () => {
  cluster = await startNatsCluster();
});

afterEach(() => clients.close());

afterAll(() => cluster?.close());

brokerContract("three servers", async () => {
  testNumber += 1;
  if (cluster === undefined) throw new Error("there is no cluster");
  return {
    broker: await clients.connect(cluster),
    other: await clients.connect(cluster),
    finish: (promise) => promise,
    word: `w${testNumber}`,
  };
});
