/** What is told to a load that goes on whatever the server answers, and what it tells. All of it is JSON. */
import type { Latencies, LoadErrors, LoadPlan } from "./plan.ts";

export interface PressurePlan extends Pick<
  LoadPlan,
  "endpoint" | "protocol" | "streamName" | "recordBytes" | "recordsPerRequest" | "partitionKeys"
> {
  readonly operation: "PutRecord" | "PutRecords";
  readonly connections: number;
  /** Ends when this many requests were answered. Default: when it is stopped. */
  readonly requests?: number;
  /**
   * An open loop: requests fall due at this pace whatever the answers do, wait for a connection that is free, and their
   * latency counts from when they were due, to a millisecond. Default: a closed loop, in which each connection sends when
   * its last answer has come, be it a refusal.
   */
  readonly requestsPerSecond?: number;
}

export interface AnswerFigures {
  readonly requests: number;
  /** From the first byte sent, or in an open loop from when the request was due, to the last byte of the answer. */
  readonly latencyMs: Latencies;
}

/** What came since the last window. */
export interface PressureWindow {
  readonly elapsedMs: number;
  /** Records in answers of success. */
  readonly acknowledgedRecords: number;
  /** Answers that acknowledged everything. */
  readonly stored: AnswerFigures;
  /** Answers that throttled the request or records of it. */
  readonly throttled: AnswerFigures;
  /** Answers 503: the server has no room now. */
  readonly refused: AnswerFigures;
  /** Open loop: requests that were due and had not been sent at the end. */
  readonly waitingRequests: number;
  /** Processor time of the load, user and kernel. */
  readonly cpuMs: number;
}

/** Everything from the start to the last answer. */
export interface PressureTotals {
  readonly acknowledgedRecords: number;
  readonly throttledRecords: number;
  readonly refusedRequests: number;
  /** Records of requests whose connection broke before they were answered: they may be stored. */
  readonly unknownRecords: number;
  /** Connections that broke, as often as each did. */
  readonly brokenConnections: LoadErrors;
  /** Answers that are neither success nor throttle nor refusal, by code. */
  readonly errors: Readonly<Record<string, LoadErrors>>;
  /** Of the records that were acknowledged. Undefined when only a part of some request was. */
  readonly digest?: string;
}
