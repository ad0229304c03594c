/** How soon a server is itself again: when a put of somebody new takes what it took before the load. */
import { performance } from "node:perf_hooks";
import { Connection } from "../load/connection.ts";
import { LatencyRecorder } from "../load/latencies.ts";
import type { Latencies } from "../load/plan.ts";
import { RequestWriter } from "../load/requests.ts";
import { LoadError } from "../load/run-load.ts";
import { errorOf } from "../load/workload.ts";

/** So many puts in a row must be as fast as before: one alone may be lucky. */
const IN_A_ROW = 3;
/** Nothing is faster than this reliably where other processes run, too. */
const UNLOADED_MS_MIN = 5;
const GIVE_UP_MS = 30_000;
const DATA = Buffer.alloc(1_024, "recovery ");

export interface Prober {
  /** What puts took without a load. */
  readonly unloadedMs: Latencies;
  /** What a put may take to count as unloaded again: twice the slowest hundredth without a load, and at least 5 ms. */
  readonly recoveredMs: number;
  /** Puts that were acknowledged so far. */
  readonly acknowledged: number;
  /**
   * Puts again and again. Resolves to the time from the call to the answer of the first of three puts in a row that took
   * what puts take without a load; half a minute when there were none until then.
   */
  recovery(): Promise<number>;
}

/** Puts one after the other, each over a connection of its own, to a server that has nothing else to do. */
export async function unloadedPuts(endpoint: string, streamName: string, count: number): Promise<Prober> {
  const request = new RequestWriter({ endpoint, protocol: "json" }).write("PutRecord", {
    StreamName: streamName,
    PartitionKey: "probe",
    Data: DATA,
  });
  let acknowledged = 0;
  const put = async (): Promise<number> => {
    const { tookMs, isAcknowledged } = await putOverNewConnection(endpoint, request);
    if (isAcknowledged) acknowledged += 1;
    return isAcknowledged ? tookMs : Infinity;
  };
  // The first ones compile code, on both sides.
  for (let index = 0; index < count; index += 1) await put();
  const latencies = new LatencyRecorder();
  for (let index = 0; index < count; index += 1) latencies.add(await put());
  const unloadedMs = latencies.summary();
  const recoveredMs = Math.max(UNLOADED_MS_MIN, 2 * unloadedMs.p99);
  return {
    unloadedMs,
    recoveredMs,
    get acknowledged() {
      return acknowledged;
    },
    async recovery() {
      const startedMs = performance.now();
      let row: number[] = [];
      for (;;) {
        const isFast = (await put()) <= recoveredMs;
        const elapsedMs = performance.now() - startedMs;
        row = isFast ? [...row, elapsedMs] : [];
        if (row.length === IN_A_ROW) return row[0]!;
        if (elapsedMs > GIVE_UP_MS) return elapsedMs;
      }
    },
  };
}

/** @throws {LoadError} for an answer that is neither success nor a refusal for lack of room. */
async function putOverNewConnection(
  endpoint: string,
  request: Buffer,
): Promise<{ tookMs: number; isAcknowledged: boolean }> {
  const startedMs = performance.now();
  return await new Promise((resolve, reject) => {
    const opening = Connection.open({
      endpoint,
      keepBodies: false,
      onAnswer: ({ status, ...head }, body, endedMs) => {
        void opening.then((connection) => connection.close());
        if (status === 200 || status === 503)
          resolve({ tookMs: endedMs - startedMs, isAcknowledged: status === 200 });
        else reject(new LoadError(`a probe was answered ${errorOf({ status, ...head }, body).text}`));
      },
      onBroken: (reason) => reject(new LoadError(`a probe's connection broke: ${reason}`)),
    });
    opening.then((connection) => connection.send(request), reject);
  });
}
