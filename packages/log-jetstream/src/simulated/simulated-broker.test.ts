import { seededRandom, simulatedClock } from "@millrace/runtime";
import { brokerContract } from "../broker/broker.contract.ts";
import { simulatedCluster } from "./simulated-cluster.ts";

let testNumber = 0;

brokerContract("simulated", () => {
  testNumber += 1;
  const clock = simulatedClock();
  const cluster = simulatedCluster({ clock, random: seededRandom(testNumber) });
  return Promise.resolve({
    broker: cluster.connect(clock).broker,
    other: cluster.connect(clock).broker,
    finish: (promise) => clock.finish(promise),
    word: `w${testNumber}`,
  });
});
