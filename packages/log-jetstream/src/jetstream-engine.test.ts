import {
  logEngineContract,
  stateStoreContract,
  type EngineUnderTest,
  type StoreUnderTest,
} from "@millrace/log/contract";
import { seededRandom, simulatedClock } from "@millrace/runtime";
import { afterAll } from "vitest";
import { joinUnderTest } from "./gateway-under-test.ts";
import { simulatedCluster } from "./simulated/simulated-cluster.ts";

let testNumber = 0;
const running = new Set<() => void>();
afterAll(() => {
  for (const stop of running) stop();
});

/** Virtual time that goes on by itself, as the contract knows nothing of it. */
function runningClock() {
  const clock = simulatedClock();
  let isWanted = true;
  const go = (): void => {
    if (isWanted) setImmediate(() => void clock.runFor(1).then(go));
  };
  go();
  running.add(() => (isWanted = false));
  return clock;
}

logEngineContract("JetStream, simulated", async () => {
  testNumber += 1;
  const clock = runningClock();
  const random = seededRandom(testNumber);
  const cluster = simulatedCluster({ clock, random });
  let aheadMs = 0;
  const open = async (): Promise<EngineUnderTest> => {
    const engine = await joinUnderTest({
      broker: cluster.connect(clock).broker,
      clock,
      serviceClock: { nowMs: () => clock.nowMs() + aheadMs },
      random,
    });
    return {
      engine,
      advance: (durationMs) => {
        aheadMs += durationMs;
      },
      reopen: async () => {
        await engine.close();
        return open();
      },
    };
  };
  return open();
});

stateStoreContract("JetStream, simulated", () => {
  testNumber += 1;
  const clock = runningClock();
  const random = seededRandom(testNumber);
  const cluster = simulatedCluster({ clock, random });
  const open = async (): Promise<StoreUnderTest> => {
    const engine = await joinUnderTest({
      broker: cluster.connect(clock).broker,
      clock,
      random,
    });
    const close = (): Promise<void> => engine.close();
    return { store: engine.state, close, reopen: () => close().then(open), another: open };
  };
  return open();
});
