import { kinesis, PutRecord, PutRecords } from "@millrace/api";
import { type LogEngine, memoryEngine } from "@millrace/log";
import { MemoryBudget, memoryLogger, seededRandom, serviceClock, simulatedClock } from "@millrace/runtime";
import { createStreams } from "@millrace/streams";
import { callersFromHeaders, createService, encodeJson, type WireRequest } from "@millrace/wire";
import { type Bench, bench } from "../harness/bench.ts";
import { digestOf } from "../harness/digest.ts";
import { measureCases, type MicroCase, microCase } from "../harness/micro.ts";
import { sampleRecords } from "./sample-records.ts";

/** Far more than a bench puts while simulated time stands still. */
const OUT_OF_REACH = 1e12;

/**
 * Keeps the catalog and forgets every entry at once: what is left is the way of a put without its journal. Time
 * stands still and chance is seeded, so the same request has the same answer.
 */
function forgetfulEngine(clock: { nowMs(): number }): LogEngine {
  const engine = memoryEngine({ clock });
  return {
    state: engine.state,
    append: () => Promise.resolve({ kind: "appended", index: 1, arrivalMs: clock.nowMs() }),
    appendAt: (logId, batch, place) => engine.appendAt(logId, batch, place),
    allocateLogId: () => engine.allocateLogId(),
    read: (logId, fromIndex, limits) => engine.read(logId, fromIndex, limits),
    seek: (logId, timestampMs) => engine.seek(logId, timestampMs),
    describe: (logId) => engine.describe(logId),
    watch: (logId, listener) => engine.watch(logId, listener),
    newestArrivalMs: () => engine.newestArrivalMs(),
    readOnlyReason: () => engine.readOnlyReason(),
    statistics: () => engine.statistics(),
    close: () => engine.close(),
  };
}

/** The whole way of a put from its bytes to those of the answer, without sockets and without a disk. */
export const handlePut: Bench = bench({
  name: "handle-put",
  kind: "micro",
  question:
    "How many records a second go through dispatch, validation, routing and limits, with nothing stored?",
  sizes: {
    smoke: { records: 10, recordBytes: 100, shards: 10, minMs: 0 },
    full: { records: 500, recordBytes: 1_024, shards: 1_000, minMs: 300 },
  },
  smokeDigest: "92193c1e2c07605d",
  async run({ records, recordBytes, shards, minMs }, context) {
    const Records = sampleRecords(records, recordBytes);
    const requestOf = (name: string, body: readonly Buffer[]): WireRequest => ({
      method: "POST",
      path: "/",
      headers: {
        host: "localhost",
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": `${kinesis.targetPrefix}.${name}`,
      },
      body: Buffer.concat(body),
      remoteAddress: "127.0.0.1",
      viaTls: false,
      httpVersion: "1.1",
    });
    const batch = requestOf("PutRecords", encodeJson({ StreamName: "bench", Records }, PutRecords.input));
    const single = requestOf(
      "PutRecord",
      encodeJson({ StreamName: "bench", ...Records[0]! }, PutRecord.input),
    );
    const one = await serviceWith(1);
    const many = await serviceWith(shards);
    const put = (
      what: string,
      service: typeof one.service,
      request: WireRequest,
      unitCount: number,
    ): MicroCase =>
      microCase({
        what,
        unit: "records",
        unitCount,
        minMs,
        run: () => service(request),
        digest: ({ status, body }) => {
          if (status !== 200) throw new Error(`${what} was answered ${status}`);
          return digestOf(Buffer.concat(body as readonly Uint8Array[]));
        },
      });
    try {
      return await measureCases(
        [
          put("PutRecords, 1 shard", one.service, batch, records),
          put(`PutRecords, ${shards.toLocaleString("en-US")} shards`, many.service, batch, records),
          put("PutRecord, 1 shard", one.service, single, 1),
          put(`PutRecord, ${shards.toLocaleString("en-US")} shards`, many.service, single, 1),
        ],
        context,
      );
    } finally {
      await Promise.all([one.close(), many.close()]);
    }
  },
});

async function serviceWith(shardCount: number) {
  const machine = simulatedClock();
  const clock = serviceClock(machine);
  const random = seededRandom(16);
  const log = memoryLogger();
  const streams = await createStreams(
    {
      clock,
      random,
      secrets: random,
      log,
      engine: forgetfulEngine(clock),
      memory: new MemoryBudget(OUT_OF_REACH),
    },
    {
      limits: { overrides: { shardWriteBytes: OUT_OF_REACH, shardWriteRecords: OUT_OF_REACH } },
    },
  );
  const service = createService({
    contract: kinesis,
    handlers: streams.handlers,
    callers: callersFromHeaders(),
    clock: machine,
    random,
    log,
  });
  const created = await service({
    method: "POST",
    path: "/",
    headers: {
      host: "localhost",
      "content-type": "application/x-amz-json-1.1",
      "x-amz-target": `${kinesis.targetPrefix}.CreateStream`,
    },
    body: Buffer.from(JSON.stringify({ StreamName: "bench", ShardCount: shardCount })),
    remoteAddress: "127.0.0.1",
    viaTls: false,
    httpVersion: "1.1",
  });
  if (created.status !== 200) throw new Error(`CreateStream was answered ${created.status}`);
  await clock.advance(1_000);
  return { service, close: () => streams.close() };
}
