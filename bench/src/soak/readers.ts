/** Readers of a soak: GetRecords along every shard, and a subscription to the first one. They go on where they were. */
import { performance } from "node:perf_hooks";
import { EventMessageReader } from "@millrace/wire";
import type { AnswerHead } from "../load/answer-reader.ts";
import { Connection } from "../load/connection.ts";
import { LatencyRecorder } from "../load/latencies.ts";
import { RequestWriter } from "../load/requests.ts";
import { lastSequenceNumberOf, millisBehindOf, readAnswerOf } from "../load/scan-answer.ts";
import { errorOf } from "../load/workload.ts";
import type { ReadersFigures, ReadersPlan } from "./readers-plan.ts";

/** A shard can have one subscription of a consumer, and another one only seconds later. */
const SUBSCRIBE_AGAIN_MS = 1_000;

export class Readers {
  readonly #shards: readonly ShardReader[];
  readonly #subscription: Subscription;
  readonly #figures = new WindowFigures();

  constructor(plan: ReadersPlan) {
    const writer = new RequestWriter({ endpoint: plan.endpoint, protocol: "json" });
    this.#shards = plan.shardIds.map((shardId) => new ShardReader(plan, writer, shardId, this.#figures));
    this.#subscription = new Subscription(plan, writer, this.#figures);
  }

  /** Resolves when all of them have begun. Errors end the process: whoever started it sees what they said. */
  async start(): Promise<void> {
    for (const shard of this.#shards) await shard.start();
    await this.#subscription.start();
  }

  window(): ReadersFigures {
    return {
      records: this.#shards.reduce((sum, { records }) => sum + records, 0),
      firstShardRecords: this.#shards[0]?.records ?? 0,
      eventRecords: this.#subscription.records,
      resumed: this.#shards.reduce((sum, { resumed }) => sum + resumed, this.#subscription.resumed),
      ...this.#figures.take(),
    };
  }
}

class WindowFigures {
  #latencies = new LatencyRecorder();
  #behindMs = 0;

  note(behindMs: number, latencyMs?: number): void {
    this.#behindMs = Math.max(this.#behindMs, behindMs);
    if (latencyMs !== undefined) this.#latencies.add(latencyMs);
  }

  take(): Pick<ReadersFigures, "latencyMs" | "behindMs"> {
    const taken = { latencyMs: this.#latencies.summary(), behindMs: this.#behindMs };
    this.#latencies = new LatencyRecorder();
    this.#behindMs = 0;
    return taken;
  }
}

/** Follows one shard. */
class ShardReader {
  records = 0;
  resumed = 0;
  readonly #plan: ReadersPlan;
  readonly #writer: RequestWriter;
  readonly #shardId: string;
  readonly #figures: WindowFigures;
  #connection: Connection | undefined;
  #asks: "iterator" | "records" = "iterator";
  #lastSequenceNumber: string | undefined;
  #sentMs = 0;

  constructor(plan: ReadersPlan, writer: RequestWriter, shardId: string, figures: WindowFigures) {
    this.#plan = plan;
    this.#writer = writer;
    this.#shardId = shardId;
    this.#figures = figures;
  }

  async start(): Promise<void> {
    this.#connection = await Connection.open({
      endpoint: this.#plan.endpoint,
      keepBodies: true,
      onAnswer: (head, body, endedMs) => this.#take(head, body, endedMs),
      onBroken: (reason) => fail(`the connection of a reader broke: ${reason}`),
    });
    this.#askForIterator();
  }

  #askForIterator(): void {
    const { streamName } = this.#plan;
    this.#asks = "iterator";
    this.#send("GetShardIterator", {
      StreamName: streamName,
      ShardId: this.#shardId,
      ...(this.#lastSequenceNumber === undefined
        ? { ShardIteratorType: "TRIM_HORIZON" }
        : {
            ShardIteratorType: "AFTER_SEQUENCE_NUMBER",
            StartingSequenceNumber: this.#lastSequenceNumber,
          }),
    });
  }

  #askForRecords(iterator: string): void {
    this.#asks = "records";
    this.#send("GetRecords", { ShardIterator: iterator });
  }

  #send(...request: Parameters<RequestWriter["write"]>): void {
    const bytes = this.#writer.write(...request);
    this.#sentMs = performance.now();
    this.#connection!.send(bytes);
  }

  #take(head: AnswerHead, body: Buffer, endedMs: number): void {
    if (head.status !== 200) {
      const { code, text } = errorOf(head, body);
      // Its life is counted in service time, which has been moved.
      if (this.#asks === "iterator" || code !== "ExpiredIteratorException")
        fail(`a reader was answered ${head.status}: ${text}`);
      this.resumed += 1;
      this.#askForIterator();
      return;
    }
    if (this.#asks === "iterator") {
      const { ShardIterator } = JSON.parse(body.toString()) as { ShardIterator: string };
      this.#askForRecords(ShardIterator);
      return;
    }
    const { recordCount, nextShardIterator, isCaughtUp } = readAnswerOf(body, "json", this.#plan.recordBytes);
    if (nextShardIterator === undefined) return fail(`${this.#shardId} has ended`);
    this.records += recordCount;
    if (recordCount > 0) this.#lastSequenceNumber = lastSequenceNumberOf(body);
    this.#figures.note(millisBehindOf(body), endedMs - this.#sentMs);
    if (isCaughtUp) setTimeout(() => this.#askForRecords(nextShardIterator), this.#plan.pollMs);
    else this.#askForRecords(nextShardIterator);
  }
}

/** Keeps a subscription to the first shard. */
class Subscription {
  records = 0;
  resumed = 0;
  readonly #plan: ReadersPlan;
  readonly #writer: RequestWriter;
  readonly #figures: WindowFigures;
  #connection: Connection | undefined;
  #reader = new EventMessageReader();
  #continuation: string | undefined;

  constructor(plan: ReadersPlan, writer: RequestWriter, figures: WindowFigures) {
    this.#plan = plan;
    this.#writer = writer;
    this.#figures = figures;
  }

  async start(): Promise<void> {
    this.#connection = await Connection.open({
      endpoint: this.#plan.endpoint,
      keepBodies: true,
      onPiece: (piece) => this.#take(piece),
      onAnswer: (head, body) => this.#end(head, body),
      onBroken: (reason) => fail(`the connection of the subscription broke: ${reason}`),
    });
    this.#subscribe();
  }

  #subscribe(): void {
    const { consumerArn, shardIds } = this.#plan;
    this.#reader = new EventMessageReader();
    this.#connection!.send(
      this.#writer.write("SubscribeToShard", {
        ConsumerARN: consumerArn,
        ShardId: shardIds[0]!,
        StartingPosition:
          this.#continuation === undefined
            ? { Type: "TRIM_HORIZON" }
            : { Type: "AFTER_SEQUENCE_NUMBER", SequenceNumber: this.#continuation },
      }),
    );
  }

  #take(piece: Buffer): void {
    for (const { headers, payload } of this.#reader.push(piece)) {
      if (headers[":message-type"]?.value !== "event")
        fail(`the subscription was told ${Buffer.from(payload).toString()}`);
      if (headers[":event-type"]?.value !== "SubscribeToShardEvent") continue;
      const event = JSON.parse(Buffer.from(payload).toString()) as {
        Records: unknown[];
        ContinuationSequenceNumber: string;
        MillisBehindLatest: number;
      };
      this.records += event.Records.length;
      this.#continuation = event.ContinuationSequenceNumber;
      this.#figures.note(event.MillisBehindLatest);
    }
  }

  #end(head: AnswerHead, body: Buffer): void {
    this.resumed += 1;
    if (head.status === 200) {
      // Its five minutes, in service time, are over.
      this.#subscribe();
      return;
    }
    const { code, text } = errorOf(head, body);
    if (code !== "ResourceInUseException") fail(`a subscription was answered ${head.status}: ${text}`);
    setTimeout(() => this.#subscribe(), SUBSCRIBE_AGAIN_MS);
  }
}

function fail(reason: string): never {
  throw new Error(reason);
}
