import { getRecords } from "./gets.ts";
import { idleMemory, startTime } from "./idle.ts";
import { eventLatency } from "./latency.ts";
import { putRecord, putRecordsCbor, putRecordsJson } from "./puts.ts";
import type { Scenario } from "./scenario.ts";
import { sdkRequests } from "./sdk.ts";

/** In the order of the tables and of the picture. */
export const allScenarios: readonly Scenario[] = [
  putRecordsJson,
  putRecordsCbor,
  putRecord,
  getRecords,
  eventLatency,
  sdkRequests,
  startTime,
  idleMemory,
];
