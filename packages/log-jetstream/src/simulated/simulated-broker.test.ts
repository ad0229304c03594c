import { seededRandom, simulatedClock } from "@millrace/runtime";
import { brokerContract } from "../broker/broker.contract.ts";
import type { BrokerFaultChances } from "./broker-faults.ts";
import { simulatedCluster } from "./simulated-cluster.ts";

let testNumber = 0;

function simulated(name: string, faults: BrokerFaultChances): void {
  brokerContract(name, () => {
    testNumber += 1;
    const clock = simulatedClock();
    const cluster = simulatedCluster({ clock, random: seededRandom(testNumber) });
    cluster.setFaults(faults);
    return Promise.resolve({
      broker: cluster.connect(clock).broker,
      other: cluster.connect(clock).broker,
      finish: (promise) => clock.finish(promise),
      word: `w${testNumber}`,
    });
  });
}

simulated("simulated", {});

// What a healthy cluster may do to its clients, too.
simulated("simulated, with followers that lag", { laggingFollower: 0.5, lostAnnouncement: 0.5 });
