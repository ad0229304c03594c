/** Puts records at a steady pace and receives them in the same process, so that one clock times both ends. */
import { performance } from "node:perf_hooks";
import { kinesis } from "@millrace/api";
import { decodeResponse, EventMessageReader } from "@millrace/wire";
import type { AnswerHead } from "./answer-reader.ts";
import { benchClient, shardsOf } from "./call.ts";
import { Connection } from "./connection.ts";
import { LatencyRecorder } from "./latencies.ts";
import type { LatencyPlan, LatencyResult } from "./latency-plan.ts";
import { RecordDigest } from "./record-digest.ts";
import { RequestWriter } from "./requests.ts";

/** Puts on their way at once; at a pace that a server keeps up with few are. */
const PUT_CONNECTIONS = 32;
const ORDINAL_BYTES = 8;
/** How long the last records may take. */
const END_TIMEOUT_MS = 20_000;

interface ReceivedRecord {
  readonly PartitionKey?: string;
  /** Base64. */
  readonly Data: string;
}

export async function probeLatency(plan: LatencyPlan): Promise<LatencyResult> {
  const probe = new LatencyProbe(plan);
  return await probe.run();
}

class LatencyProbe {
  readonly #plan: LatencyPlan;
  readonly #writer: RequestWriter;
  readonly #sentMs: Float64Array;
  readonly #latencies = new LatencyRecorder();
  readonly #putLatencies = new LatencyRecorder();
  readonly #receivers: Receiver[] = [];
  readonly #connections: Connection[] = [];
  #fail: (error: Error) => void = () => undefined;
  #finish: () => void = () => undefined;

  constructor(plan: LatencyPlan) {
    this.#plan = plan;
    this.#writer = new RequestWriter({ endpoint: plan.endpoint, protocol: "json" });
    this.#sentMs = new Float64Array(plan.records);
  }

  async run(): Promise<LatencyResult> {
    const finished = new Promise<void>((resolve, reject) => {
      this.#finish = resolve;
      this.#fail = reject;
    });
    finished.catch(() => undefined);
    const { receive } = this.#plan;
    const requests = this.#prepare();
    await Promise.race([receive.by === "poll" ? this.#poll(receive.pauseMs) : this.#subscribe(), finished]);
    const cpu = process.cpuUsage();
    const startedMs = performance.now();
    await Promise.race([this.#put(requests), finished]);
    const late = setTimeout(() => this.#fail(new Error(this.#missing())), END_TIMEOUT_MS);
    await finished;
    clearTimeout(late);
    const elapsedMs = performance.now() - startedMs;
    const { user, system } = process.cpuUsage(cpu);
    for (const connection of this.#connections) connection.close();
    const digests = new Set(this.#receivers.map(({ digest }) => String(digest)));
    if (digests.size !== 1) throw new Error("consumers received different records");
    return {
      records: this.#receivers.reduce((sum, { count }) => sum + count, 0),
      latencyMs: this.#latencies.summary(),
      putLatencyMs: this.#putLatencies.summary(),
      elapsedMs,
      cpuMs: (user + system) / 1_000,
      digest: [...digests].join(),
    };
  }

  /** The data of a record begins with its number. */
  #prepare(): Buffer[] {
    const { streamName, records, recordBytes } = this.#plan;
    return Array.from({ length: records }, (_, ordinal) => {
      const data = Buffer.alloc(Math.max(recordBytes, ORDINAL_BYTES), "latency ");
      data.writeBigUInt64BE(BigInt(ordinal));
      return this.#writer.write("PutRecord", { StreamName: streamName, PartitionKey: "probe", Data: data });
    });
  }

  async #put(requests: readonly Buffer[]): Promise<void> {
    const { records, recordsPerSecond, warmUpRecords } = this.#plan;
    const idle: { connection: Connection; ordinal: number }[] = [];
    for (let index = 0; index < PUT_CONNECTIONS; index += 1) {
      const connection = await this.#connect((head, body) => {
        if (head.status !== 200) throw new Error(`a put was answered ${head.status}: ${body.toString()}`);
        if (slot.ordinal >= warmUpRecords)
          this.#putLatencies.add(performance.now() - this.#sentMs[slot.ordinal]!);
        idle.push(slot);
      });
      const slot = { connection, ordinal: -1 };
      idle.push(slot);
    }
    const beganMs = performance.now();
    let sent = 0;
    await new Promise<void>((resolve) => {
      const pacing = setInterval(() => {
        const due = Math.min(records, Math.ceil(((performance.now() - beganMs) * recordsPerSecond) / 1_000));
        for (; sent < due && idle.length > 0; sent += 1) {
          const slot = idle.shift()!;
          slot.ordinal = sent;
          this.#sentMs[sent] = performance.now();
          slot.connection.send(requests[sent]!);
        }
        if (sent < records) return;
        clearInterval(pacing);
        resolve();
      }, 1);
    });
  }

  /** Follows the shard from its tip; resolves when the first answer has shown that it does. */
  async #poll(pauseMs: number): Promise<void> {
    const { endpoint, streamName } = this.#plan;
    const client = benchClient(endpoint);
    const [shard] = await shardsOf(client, streamName);
    const { ShardIterator: start } = await client.getShardIterator({
      StreamName: streamName,
      ShardId: shard!.ShardId,
      ShardIteratorType: "LATEST",
    });
    await client.close();
    const receiver = this.#receiver();
    await new Promise<void>((resolve, reject) => {
      const connecting = this.#connect((head, body) => {
        if (head.status !== 200) throw new Error(`a read was answered ${head.status}: ${body.toString()}`);
        const nowMs = performance.now();
        const answer = decodeResponse(kinesis, "GetRecords", { status: head.status, headers: {}, body });
        resolve();
        for (const { PartitionKey = "", Data } of answer.Records) {
          receiver.take(PartitionKey, Buffer.from(Data), nowMs);
        }
        const next = answer.NextShardIterator;
        if (next === undefined) throw new Error("the shard has ended");
        setTimeout(
          () => connection?.send(this.#writer.write("GetRecords", { ShardIterator: next })),
          pauseMs,
        );
      });
      let connection: Connection | undefined;
      connecting.then((made) => {
        connection = made;
        made.send(this.#writer.write("GetRecords", { ShardIterator: start! }));
      }, reject);
    });
  }

  /** Subscribes every consumer at the tip; resolves when all subscriptions stand. */
  async #subscribe(): Promise<void> {
    const { endpoint, streamName, receive } = this.#plan;
    if (receive.by !== "subscription") return;
    const client = benchClient(endpoint);
    const [shard] = await shardsOf(client, streamName);
    await client.close();
    for (const ConsumerARN of receive.consumerArns) {
      const receiver = this.#receiver();
      await new Promise<void>((resolve, reject) => {
        const reader = new EventMessageReader();
        const onPiece = (piece: Buffer) => {
          const nowMs = performance.now();
          for (const { headers, payload } of reader.push(piece)) {
            if (headers[":message-type"]?.value !== "event")
              throw new Error(`a subscription was told ${Buffer.from(payload).toString()}`);
            resolve();
            if (headers[":event-type"]?.value !== "SubscribeToShardEvent") continue;
            const event = JSON.parse(Buffer.from(payload).toString()) as { Records: ReceivedRecord[] };
            for (const { PartitionKey = "", Data } of event.Records)
              receiver.take(PartitionKey, Buffer.from(Data, "base64"), nowMs);
          }
        };
        const refused = (head: AnswerHead, body: Buffer) => {
          throw new Error(`a subscription was answered ${head.status}: ${body.toString()}`);
        };
        this.#connect(refused, onPiece).then((connection) => {
          connection.send(
            this.#writer.write("SubscribeToShard", {
              ConsumerARN,
              ShardId: shard!.ShardId,
              StartingPosition: { Type: "LATEST" },
            }),
          );
        }, reject);
      });
    }
  }

  async #connect(
    onAnswer: (head: AnswerHead, body: Buffer) => void,
    onPiece?: (piece: Buffer) => void,
  ): Promise<Connection> {
    const connection = await Connection.open({
      endpoint: this.#plan.endpoint,
      keepBodies: true,
      onAnswer,
      // What a listener throws is told here, too.
      onBroken: (reason) => this.#fail(new Error(reason)),
      ...(onPiece === undefined ? {} : { onPiece }),
    });
    this.#connections.push(connection);
    return connection;
  }

  #receiver(): Receiver {
    const receiver = new Receiver((ordinal, nowMs) => {
      if (ordinal >= this.#plan.warmUpRecords) this.#latencies.add(nowMs - this.#sentMs[ordinal]!);
      if (this.#receivers.every(({ count }) => count === this.#plan.records)) this.#finish();
    });
    this.#receivers.push(receiver);
    return receiver;
  }

  #missing(): string {
    const counts = this.#receivers.map(({ count }) => count).join(", ");
    return `of ${this.#plan.records} records only ${counts} were received within ${END_TIMEOUT_MS} ms of the last put`;
  }
}

/** One consumer: what it received. */
class Receiver {
  readonly digest = new RecordDigest();
  count = 0;
  readonly #onRecord: (ordinal: number, nowMs: number) => void;

  constructor(onRecord: (ordinal: number, nowMs: number) => void) {
    this.#onRecord = onRecord;
  }

  take(partitionKey: string, data: Buffer, nowMs: number): void {
    this.count += 1;
    this.digest.add(partitionKey, data);
    this.#onRecord(Number(data.readBigUInt64BE()), nowMs);
  }
}
