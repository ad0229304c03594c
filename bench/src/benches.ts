/** All benches, in the order in which they are run. */
import type { Bench } from "./harness/bench.ts";
import { consume } from "./macro/consume.ts";
import { agent } from "./macro/agent.ts";
import { flatMemory, flatRates } from "./macro/flatness.ts";
import { getRecordsFromDisk, getRecordsFromTail } from "./macro/get.ts";
import { knee } from "./macro/knee.ts";
import { fanOutLatency, pollLatency } from "./macro/latency.ts";
import { limitsCost } from "./macro/limits.ts";
import { idleMemory, idleShards } from "./macro/memory.ts";
import { mixedLoad } from "./macro/mixed.ts";
import { produceBeside } from "./macro/produce-beside.ts";
import { produce } from "./macro/produce.ts";
import { putRecord, putRecordsCbor, putRecordsJson } from "./macro/put.ts";
import { recovery, start } from "./macro/start.ts";
import { threads } from "./macro/threads.ts";
import { encode } from "./micro/encode.ts";
import { handlePut } from "./micro/handle-put.ts";
import { hashKey } from "./micro/hash.ts";
import { journalAppend } from "./micro/journal-append.ts";
import { journalLookup } from "./micro/journal-lookup.ts";
import { scan } from "./micro/scan.ts";
import { sequenceNumbers } from "./micro/sequence-numbers.ts";

export const benches: readonly Bench[] = [
  hashKey,
  scan,
  encode,
  sequenceNumbers,
  handlePut,
  journalAppend,
  journalLookup,
  putRecord,
  putRecordsJson,
  putRecordsCbor,
  produce,
  produceBeside,
  consume,
  agent,
  getRecordsFromTail,
  getRecordsFromDisk,
  pollLatency,
  fanOutLatency,
  mixedLoad,
  limitsCost,
  threads,
  knee,
  start,
  recovery,
  idleMemory,
  idleShards,
  flatRates,
  flatMemory,
];
