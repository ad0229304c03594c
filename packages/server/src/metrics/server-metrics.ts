import type { LogEngine } from "@millrace/log";
import type { MemoryBudget, ServiceClock } from "@millrace/runtime";
import type { ConsumerServed, Meter, ThrottledRate } from "@millrace/streams";
import type { ListenerStats } from "@millrace/wire";
import { Exposition, Histogram, quantileOf } from "./prometheus.ts";

/** Seconds: from a commit on a fast disk to a request that waited for memory. */
const LATENCY_BOUNDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];
/** Seconds: from a reader at the tip to one that is a day behind. */
const LAG_BOUNDS = [0.01, 0.05, 0.25, 1, 5, 30, 300, 3_600, 86_400];
/** Always there, so that a rate can be computed from the first refusal on. */
const THROTTLED_RATES: readonly ThrottledRate[] = [
  "shardWriteBytes",
  "shardWriteRecords",
  "shardReadBytes",
  "shardReadCalls",
  "shardIteratorCalls",
  "subscribeCalls",
  "operationCalls",
];
const QUANTILES = [0.5, 0.9, 0.99, 1];

export interface MetricsSources {
  readonly engine: LogEngine;
  readonly memory: MemoryBudget;
  /** Service time. */
  readonly clock: ServiceClock;
  readonly version: string;
}

/** What the process around the server knows. */
export interface ProcessFigures {
  readonly listener?: ListenerStats;
  /** What protocol threads have of the memory bound, which they keep by themselves. */
  readonly protocolMemory?: { readonly usedBytes: number; readonly limitBytes: number };
  /** How late timers fire, in milliseconds, over the last while. */
  readonly eventLoopLagMs?: { readonly mean: number; readonly max: number };
}

/** Counts what happens, and writes it down when somebody asks. */
export class ServerMetrics {
  readonly #sources: MetricsSources;
  readonly #requests = new Map<string, { operation: string; code: string; count: number }>();
  readonly #latencies = new Map<string, Histogram>();
  readonly #lag = new Histogram(LAG_BOUNDS);
  readonly #records = { in: 0, out: 0 };
  readonly #bytes = { in: 0, out: 0 };
  readonly #throttled = new Map<ThrottledRate, number>();

  constructor(sources: MetricsSources) {
    this.#sources = sources;
  }

  /** What the streams service reports to. Calls are counted at the door instead, where refused ones are seen too. */
  readonly meter: Meter = {
    operation: () => {},
    incoming: (_stream, _shard, records, bytes) => {
      this.#records.in += records;
      this.#bytes.in += bytes;
    },
    outgoing: (_stream, _shard, records, bytes, ageMs) => {
      this.#records.out += records;
      this.#bytes.out += bytes;
      this.#lag.observe(ageMs / 1000);
    },
    throttled: (_stream, _shard, rate, count) => {
      this.#throttled.set(rate, (this.#throttled.get(rate) ?? 0) + count);
    },
  };

  /** One request was answered, for a stream of events: its head. `code` is `OK` or the error's. */
  answered(operation: string, code: string, latencyMs: number): void {
    const key = `${operation} ${code}`;
    const counted = this.#requests.get(key);
    if (counted === undefined) this.#requests.set(key, { operation, code, count: 1 });
    else counted.count += 1;
    let latency = this.#latencies.get(operation);
    if (latency === undefined) this.#latencies.set(operation, (latency = new Histogram(LATENCY_BOUNDS)));
    latency.observe(latencyMs / 1000);
  }

  /** Prometheus text. `consumers` are those with open subscriptions. */
  write(figures: ProcessFigures, consumers: readonly ConsumerServed[]): string {
    const to = new Exposition();
    const { engine, memory, clock, version } = this.#sources;
    to.metric("millrace_build_info", "gauge", "Which version runs, on which engine.");
    to.sample("millrace_build_info", 1, { version, engine: engine.statistics().engine });
    this.#writeRequests(to);
    this.#writeTraffic(to);
    writeConsumers(to, consumers);
    this.#writeEngine(to);
    const { usedBytes, limitBytes } = figures.protocolMemory ?? { usedBytes: 0, limitBytes: 0 };
    to.single(
      "millrace_memory_used_bytes",
      "gauge",
      "Memory reserved of the bound.",
      memory.usedBytes + usedBytes,
    );
    to.single(
      "millrace_memory_limit_bytes",
      "gauge",
      "The bound of everything that grows with load.",
      memory.limitBytes + limitBytes,
    );
    to.single(
      "millrace_clock_offset_seconds",
      "gauge",
      "How far service time is ahead of machine time.",
      clock.offsetMs() / 1000,
    );
    writeListener(to, figures.listener);
    writeLag(to, figures.eventLoopLagMs);
    return to.toString();
  }

  #writeRequests(to: Exposition): void {
    to.metric("millrace_requests_total", "counter", "Requests answered, by operation and error code.");
    for (const { operation, code, count } of this.#requests.values()) {
      to.sample("millrace_requests_total", count, { operation, code });
    }
    to.metric("millrace_request_duration_seconds", "histogram", "Time from a whole request to its answer.");
    for (const [operation, latency] of this.#latencies) {
      latency.write(to, "millrace_request_duration_seconds", { operation });
    }
  }

  #writeTraffic(to: Exposition): void {
    to.single("millrace_incoming_records_total", "counter", "Records put.", this.#records.in);
    to.single("millrace_incoming_bytes_total", "counter", "Bytes of data and keys put.", this.#bytes.in);
    to.single("millrace_outgoing_records_total", "counter", "Records read.", this.#records.out);
    to.single("millrace_outgoing_bytes_total", "counter", "Bytes of data and keys read.", this.#bytes.out);
    to.metric(
      "millrace_throttled_total",
      "counter",
      "Records and calls refused because a rate was exceeded, by the limit's name.",
    );
    for (const limit of THROTTLED_RATES) {
      to.sample("millrace_throttled_total", this.#throttled.get(limit) ?? 0, { limit });
    }
    to.metric(
      "millrace_reader_lag_seconds",
      "histogram",
      "How far readers, subscriptions included, were behind the tip.",
    );
    this.#lag.write(to, "millrace_reader_lag_seconds");
  }

  #writeEngine(to: Exposition): void {
    const { engine, clock } = this.#sources;
    const figures = engine.statistics();
    to.metric(
      "millrace_commit_duration_seconds",
      "summary",
      "Time of a durable write; quantiles over the last few hundred.",
    );
    const sorted = [...figures.recentCommitMs].sort((a, b) => a - b);
    for (const quantile of QUANTILES) {
      const valueMs = quantileOf(sorted, quantile);
      if (valueMs === undefined) continue;
      to.sample("millrace_commit_duration_seconds", valueMs / 1000, { quantile: String(quantile) });
    }
    to.sample("millrace_commit_duration_seconds_sum", figures.commitMsTotal / 1000);
    to.sample("millrace_commit_duration_seconds_count", figures.commits);
    to.single(
      "millrace_written_bytes_total",
      "counter",
      "Bytes written since the start.",
      figures.writtenBytes,
    );
    to.single("millrace_queued_bytes", "gauge", "Bytes that wait to be written.", figures.queuedBytes);
    to.single("millrace_queued_entries", "gauge", "Entries that wait to be written.", figures.queuedEntries);
    to.single("millrace_segments", "gauge", "Files that hold records.", figures.segmentCount);
    to.single("millrace_disk_used_bytes", "gauge", "Bytes of those files.", figures.diskBytes);
    to.single(
      "millrace_disk_free_bytes",
      "gauge",
      "Bytes that the file system still has.",
      figures.diskFreeBytes,
    );
    to.single("millrace_tail_cache_bytes", "gauge", "Recent records in memory.", figures.tailCacheBytes);
    to.single(
      "millrace_shard_logs",
      "gauge",
      "Shards, open and closed, whose records are kept.",
      figures.logCount,
    );
    const oldestMs = figures.oldestArrivalMs;
    const ageSeconds = oldestMs === undefined ? undefined : Math.max(0, clock.nowMs() - oldestMs) / 1000;
    to.single(
      "millrace_oldest_record_age_seconds",
      "gauge",
      "Age of the oldest record that is kept.",
      ageSeconds,
    );
    to.single(
      "millrace_read_only",
      "gauge",
      "1 while puts are refused.",
      engine.readOnlyReason() === undefined ? 0 : 1,
    );
  }
}

function writeConsumers(to: Exposition, consumers: readonly ConsumerServed[]): void {
  const sum = (amounts: readonly number[]) => amounts.reduce((total, amount) => total + amount, 0);
  to.single(
    "millrace_subscriptions",
    "gauge",
    "Open subscriptions.",
    sum(consumers.map(({ subscriptionCount }) => subscriptionCount)),
  );
  to.single(
    "millrace_subscriptions_held_back",
    "gauge",
    "Open subscriptions whose client has yet to take the last event.",
    sum(consumers.map(({ heldBackCount }) => heldBackCount)),
  );
  to.metric(
    "millrace_consumer_lag_seconds",
    "gauge",
    "How far the subscription of a fan-out consumer that is furthest behind is behind the tip.",
  );
  for (const { accountId, region, streamName, consumerName, millisBehind } of consumers) {
    const labels = { account: accountId, region, stream: streamName, consumer: consumerName };
    to.sample("millrace_consumer_lag_seconds", millisBehind / 1000, labels);
  }
}

function writeListener(to: Exposition, listener: ListenerStats | undefined): void {
  if (listener === undefined) return;
  to.single("millrace_connections", "gauge", "Open connections.", listener.connections);
  to.single(
    "millrace_connections_accepted_total",
    "counter",
    "Connections taken.",
    listener.connectionsTotal,
  );
  to.single(
    "millrace_connections_refused_total",
    "counter",
    "Connections refused at the limit.",
    listener.connectionsRefusedTotal,
  );
  to.single("millrace_http2_sessions", "gauge", "Open HTTP/2 connections.", listener.http2Sessions);
  to.single(
    "millrace_http2_sessions_opened_total",
    "counter",
    "HTTP/2 connections taken.",
    listener.http2SessionsTotal,
  );
  to.single(
    "millrace_requests_in_flight",
    "gauge",
    "Requests that are being read or answered.",
    listener.requestsInFlight,
  );
  to.single(
    "millrace_requests_waiting_for_memory",
    "gauge",
    "Bodies that are not read because the memory bound is reached.",
    listener.waitingForMemory,
  );
  to.single(
    "millrace_requests_abandoned_total",
    "counter",
    "Requests whose client left before the end of the answer.",
    listener.abandonedTotal,
  );
  to.metric(
    "millrace_requests_refused_total",
    "counter",
    "Requests that were turned away before any service saw them.",
  );
  for (const [status, count] of listener.refusedTotal) {
    to.sample("millrace_requests_refused_total", count, { status: String(status) });
  }
  to.single(
    "millrace_received_body_bytes_total",
    "counter",
    "Bytes of request bodies.",
    listener.receivedBodyBytesTotal,
  );
  to.single(
    "millrace_sent_body_bytes_total",
    "counter",
    "Bytes of answer bodies.",
    listener.sentBodyBytesTotal,
  );
}

function writeLag(to: Exposition, lag: ProcessFigures["eventLoopLagMs"]): void {
  if (lag === undefined) return;
  to.metric("millrace_event_loop_lag_seconds", "gauge", "How late timers fired over the last 10 s.");
  to.sample("millrace_event_loop_lag_seconds", lag.mean / 1000, { of: "mean" });
  to.sample("millrace_event_loop_lag_seconds", lag.max / 1000, { of: "max" });
}
