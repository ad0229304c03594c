/**
 * Where processes share the engine each sees a part of an on-demand stream's traffic. One of them, to which the stream belongs, scales
 * it, and the others tell it once a minute what they have seen. When a stream changes hands the next one goes on from what is stored.
 */
import type { PeerId, Peers } from "@millrace/log";
import type { Catalog } from "../catalog/catalog.ts";
import type { SeenTraffic, StreamTraffic } from "./stream-traffic.ts";
import type { Traffic } from "./traffic.ts";

/** What is told: the stream's incarnation, and what was seen of each shard by its index. */
type Told = readonly [stream: string, shards: readonly (readonly [shardIndex: number, seen: SeenTraffic])[]];

const TOPIC = "traffic";

/** How a hash key is written here. */
const HASH_KEY_HEX = /^[0-9a-f]{32}$/;

export class SharedTraffic {
  readonly #peers: Peers;
  readonly #stop: () => void;

  constructor(peers: Peers, catalog: Catalog, traffic: Traffic) {
    this.#peers = peers;
    this.#stop = peers.answer(TOPIC, (told) => {
      const [incarnation, shards] = told as Told;
      const stream = catalog.findByIncarnation(incarnation);
      if (stream === undefined) return false;
      for (const [shardIndex, seen] of shards) {
        const shard = stream.shard(shardIndex);
        if (shard !== undefined && isSeenTraffic(seen)) traffic.of(stream, shard)?.add(seen);
      }
      return true;
    });
  }

  close(): void {
    this.#stop();
  }

  /** The process that scales a stream; undefined when that is this one. */
  ownerOf({ stream }: StreamTraffic): PeerId | undefined {
    return this.#peers.ownerOfKey(`traffic ${stream.header.incarnation}`);
  }

  /** Tells the owner what was seen here. What does not reach it is told the next time. */
  async tell(owner: PeerId, traffic: StreamTraffic): Promise<void> {
    const seen: (readonly [number, SeenTraffic])[] = [];
    for (const shard of traffic.shards()) {
      const ofShard = shard.take();
      if (ofShard !== undefined) seen.push([shard.shard.shardIndex, ofShard]);
    }
    if (seen.length === 0) return;
    const { incarnation } = traffic.stream.header;
    const told: Told = [incarnation, seen];
    if ((await this.#peers.ask(owner, TOPIC, told)) === true) return;
    for (const [shardIndex, ofShard] of seen) {
      const shard = traffic.stream.shard(shardIndex);
      if (shard !== undefined) traffic.of(shard).add(ofShard);
    }
  }
}

function isSeenTraffic(seen: Partial<SeenTraffic> | null): seen is SeenTraffic {
  const { bytes, records, samples } = seen ?? {};
  return (
    typeof bytes === "number" &&
    typeof records === "number" &&
    Array.isArray(samples) &&
    samples.every((sample) => typeof sample === "string" && HASH_KEY_HEX.test(sample))
  );
}
