/**
 * Somebody who creates, fills, tags and deletes small streams all the time, under the same few names, and
 * remembers what was acknowledged of it.
 */
import { ServiceError } from "@millrace/api";
import type { KinesisClient } from "@millrace/client";
import type { Random } from "@millrace/runtime";
import { connect, isUnanswered } from "./connection.ts";
import type { Violation } from "./ledger.ts";
import { listShards, readShard, untilActive } from "./reading.ts";
import { runtime } from "./settings.ts";

/** What is known of a stream: the sequence numbers that must be in it, or that it must not be there. */
type Known = { readonly numbers: readonly string[] } | "gone" | "unknown";

const NAMES = ["churn-0", "churn-1", "churn-2"] as const;
const PAUSE_MS = 60;
const GONE_TIMEOUT_MS = 10_000;

export class CatalogChurn {
  readonly #known = new Map<string, Known>(NAMES.map((name) => [name, "gone"]));
  readonly #taggedStream: string;
  /** The value of the tag that was acknowledged last, and the one that was sent last. */
  #acknowledgedTag = 0;
  #sentTag = 0;
  acknowledgedCount = 0;

  /** `taggedStream` exists and is nobody's else to tag. */
  constructor(taggedStream: string) {
    this.#taggedStream = taggedStream;
  }

  /** Works until the server is gone or `stop` is called, which fails when something was wrong. */
  start(endpoint: string, random: Random): { stop(): Promise<void> } {
    const client = connect(endpoint);
    let stopped = false;
    const work = async () => {
      while (!stopped) {
        await this.#step(client, NAMES[random.below(NAMES.length)]!, random.below(4));
        await runtime.clock.sleep(random.below(PAUSE_MS));
      }
    };
    const done = work().catch((error: unknown) => {
      if (!isUnanswered(error)) return error;
      return undefined;
    });
    return {
      async stop() {
        stopped = true;
        const failure = await done;
        await client.close();
        if (failure !== undefined) throw failure;
      },
    };
  }

  async #step(client: KinesisClient, name: string, choice: number): Promise<void> {
    const known = this.#known.get(name)!;
    if (choice === 0) {
      this.#sentTag += 1;
      await client.addTagsToStream({ StreamName: this.#taggedStream, Tags: { step: String(this.#sentTag) } });
      this.#acknowledgedTag = this.#sentTag;
    } else if (known === "gone") {
      this.#known.set(name, "unknown");
      await client.createStream({ StreamName: name, ShardCount: 1 });
      this.#known.set(name, { numbers: [] });
      await untilActive(client, name);
    } else if (known !== "unknown" && choice === 1) {
      this.#known.set(name, "unknown");
      await client.deleteStream({ StreamName: name });
      this.#known.set(name, "gone");
      await untilGone(client, name);
    } else if (known !== "unknown") {
      const { SequenceNumber } = await client.putRecord({
        StreamName: name,
        PartitionKey: "churn",
        Data: Buffer.from(name),
      });
      this.#known.set(name, { numbers: [...known.numbers, SequenceNumber] });
    }
    this.acknowledgedCount += 1;
  }

  /** What is wrong after a restart. What is found becomes what is known. */
  async check(client: KinesisClient): Promise<Violation[]> {
    const violations: Violation[] = [];
    const broken = (detail: string) => violations.push({ promise: "the catalog is durable", detail });
    for (const [name, known] of this.#known) {
      const found = await this.#find(client, name);
      this.#known.set(name, found);
      if (known === "unknown") continue;
      if (known === "gone") {
        if (found !== "gone") broken(`${name} was deleted and is there`);
      } else if (found === "gone") broken(`${name} was created and is gone`);
      else {
        const lost = known.numbers.filter((number) => !found.numbers.includes(number));
        if (lost.length > 0)
          violations.push({
            promise: "acknowledged means durable",
            detail: `${name}: ${lost.join()} are lost`,
          });
        // At most the put that was not answered; records of an earlier stream of that name would be more.
        if (found.numbers.length > known.numbers.length + 1)
          broken(`${name} holds ${found.numbers.length} records, put were ${known.numbers.length}`);
      }
    }
    const { Tags } = await client.listTagsForStream({ StreamName: this.#taggedStream });
    const tag = Number(Tags.find(({ Key }) => Key === "step")?.Value ?? 0);
    if (tag < this.#acknowledgedTag || tag > this.#sentTag) {
      broken(`the tag says ${tag}, acknowledged was ${this.#acknowledgedTag}, sent was ${this.#sentTag}`);
    }
    this.#acknowledgedTag = tag;
    return violations;
  }

  async #find(client: KinesisClient, name: string): Promise<Exclude<Known, "unknown">> {
    try {
      const { StreamDescriptionSummary } = await client.describeStreamSummary({ StreamName: name });
      if (StreamDescriptionSummary.StreamStatus === "DELETING") {
        await untilGone(client, name);
        return "gone";
      }
      await untilActive(client, name);
      const [shard] = await listShards(client, name);
      const { records } = await readShard(client, name, shard!.ShardId);
      return { numbers: records.map(({ sequenceNumber }) => sequenceNumber) };
    } catch (error) {
      if (error instanceof ServiceError && error.code === "ResourceNotFoundException") return "gone";
      throw error;
    }
  }
}

async function untilGone(client: KinesisClient, name: string): Promise<void> {
  const deadlineMs = runtime.clock.monotonicMs() + GONE_TIMEOUT_MS;
  while (runtime.clock.monotonicMs() < deadlineMs) {
    try {
      await client.describeStreamSummary({ StreamName: name });
    } catch (error) {
      if (error instanceof ServiceError && error.code === "ResourceNotFoundException") return;
      throw error;
    }
    await runtime.clock.sleep(10);
  }
  throw new Error(`${name} is still being deleted`);
}
