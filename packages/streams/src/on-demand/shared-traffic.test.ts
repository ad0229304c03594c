import { memoryEngine } from "@millrace/log";
import { serviceClock, simulatedClock } from "@millrace/runtime";
import { describe, expect, test } from "vitest";
import { processesOn } from "../peers-under-test.ts";
import type { ServiceUnderTest } from "../service-under-test.ts";
import { serviceUnderTest } from "../service-under-test.ts";

const RECORD = Buffer.alloc(64 * 1_024 - 1);
const EIGHTH = 1n << 125n;

/** Two services on one engine, and an on-demand stream that the first of them scales. */
async function twoServices() {
  const clock = serviceClock(simulatedClock());
  const processes = processesOn(memoryEngine({ clock }), "one");
  const start = (peer: string): Promise<ServiceUnderTest> =>
    serviceUnderTest({ clock, engine: processes.engineOf(peer), limits: { mode: "off" } });
  const one = await start("one");
  const other = await start("two");
  await one.call("CreateStream", { StreamName: "s", StreamModeDetails: { StreamMode: "ON_DEMAND" } });
  await clock.advance(50);
  return { clock, processes, one, other };
}

/** Five records a second, 320 KiB, through each of the services, in the first eighth of the ring. */
async function putThrough(services: readonly ServiceUnderTest[], seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second += 1) {
    for (const { call } of services) {
      await call("PutRecords", {
        StreamName: "s",
        Records: Array.from({ length: 5 }, (_, index) => ({
          PartitionKey: "k",
          ExplicitHashKey: String((EIGHTH * BigInt((second * 5 + index) % 97)) / 97n),
          Data: RECORD,
        })),
      });
    }
    await services[0]!.clock.advance(1_000);
  }
}

async function openShards({ call }: ServiceUnderTest): Promise<number> {
  return (await call("DescribeStreamSummary", { StreamName: "s" })).StreamDescriptionSummary.OpenShardCount;
}

describe("an on-demand stream that several processes take records for", () => {
  test("grows by what all of them see, and splits where the traffic of all lies", async () => {
    const { clock, one, other } = await twoServices();
    await putThrough([one, other], 125);
    await clock.advance(120_000);
    expect(await openShards(one)).toBe(5);
    const { Shards } = await one.call("ListShards", {
      StreamName: "s",
      ShardFilter: { Type: "AT_LATEST" },
    });
    const [child] = Shards!.filter(({ ParentShardId }) => ParentShardId !== undefined);
    const border = BigInt(child!.HashKeyRange.EndingHashKey);
    expect(border > EIGHTH / 4n && border < (EIGHTH * 3n) / 4n).toBe(true);
  });

  test("stays as it is when what one of them sees is too little", async () => {
    const { clock, one, other } = await twoServices();
    await putThrough([other], 125);
    await clock.advance(120_000);
    expect(await openShards(one)).toBe(4);
  });

  test("is scaled by one alone, and goes on from what was stored when it changes hands", async () => {
    const { clock, processes, one, other } = await twoServices();
    await putThrough([one, other], 62);
    await clock.advance(16 * 60_000);
    expect(peakStored(one)).toBeGreaterThan(600 * 1_024);
    processes.giveAllTo("two");
    await clock.advance(120_000);
    await putThrough([one], 62);
    await clock.advance(16 * 60_000);
    // Both have a share in this minute's peak, and the second knows of the first one's.
    expect(peakStored(one)).toBeGreaterThan(600 * 1_024);
  });

  test("loses nothing of what one of them saw while the one that scales it did not answer", async () => {
    const { clock, processes, one, other } = await twoServices();
    processes.deafen("one", true);
    await putThrough([other], 62);
    await clock.advance(60_000);
    processes.deafen("one", false);
    // Its share of two minutes comes in one: 320 KiB/s and again as much.
    await putThrough([other], 62);
    await clock.advance(16 * 60_000);
    expect(peakStored(one)).toBeGreaterThan(400 * 1_024);
  });
});

/** The highest rate of any minute that is stored of the stream, in bytes per second. */
function peakStored({ engine }: ServiceUnderTest): number {
  const rows = [...engine.state.list("traffic/")].map(
    ([, { value }]) => JSON.parse(value) as { history?: { days: number[][] } },
  );
  return Math.max(0, ...rows.flatMap(({ history }) => history?.days.map((day) => day[1]!) ?? []));
}
