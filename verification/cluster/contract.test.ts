import { joinCluster } from "@millrace/log-jetstream";
import { brokerContract } from "@millrace/log-jetstream/contract";
import { stateStoreContract, type StoreUnderTest } from "@millrace/log/contract";
import { memoryLogger, nodeRuntime } from "@millrace/runtime";
import { afterAll, afterEach, beforeAll } from "vitest";
import { Clients } from "./src/clients.ts";
import { type NatsCluster, startNatsCluster } from "./src/nats-cluster.ts";

let cluster: NatsCluster | undefined;
let testNumber = 0;
// Longer than a gateway waits: a machine that is slow for seconds does not fail a contract.
const clients = new Clients({ answerTimeoutMs: 30_000 });

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

stateStoreContract("JetStream, three servers", () => {
  testNumber += 1;
  const { clock, random } = nodeRuntime();
  const prefix = `store${testNumber}`;
  const open = async (): Promise<StoreUnderTest> => {
    if (cluster === undefined) throw new Error("there is no cluster");
    const engine = await joinCluster({
      broker: await clients.connect(cluster),
      clock,
      serviceClock: clock,
      random,
      log: memoryLogger(),
      crash: (reason, cause) => {
        throw new Error(reason, { cause });
      },
      prefix,
    });
    const close = (): Promise<void> => engine.close();
    return { store: engine.state, close, reopen: () => close().then(open), another: open };
  };
  return open();
});
