import type { PeerId, Peers, ShardLogId } from "@millrace/log";
import type { Broker } from "../broker/broker.ts";
import type { Presence } from "./presence.ts";
import { decode, encode } from "./json-message.ts";
import { groupKey } from "./rendezvous.ts";

export interface GatewayPeersOptions {
  readonly broker: Broker;
  readonly prefix: string;
  readonly session: string;
  readonly presence: Presence;
  /** The group that a log lies in; undefined when there is no such log. */
  readonly groupOf: (logId: ShardLogId) => number | undefined;
}

/** Whoever takes longer than this to answer a question of ours is not to be waited for. */
const ASK_TIMEOUT_MS = 1_000;

/** Gateways as each other's peers: questions are requests of the broker, news what it sends to all who listen. */
export class GatewayPeers implements Peers {
  readonly #options: GatewayPeersOptions;

  constructor(options: GatewayPeersOptions) {
    this.#options = options;
  }

  ownerOfLog(logId: ShardLogId): PeerId | undefined {
    const group = this.#options.groupOf(logId);
    return group === undefined ? undefined : this.#options.presence.ownerOf(groupKey(group));
  }

  ownerOfKey(key: string): PeerId | undefined {
    return this.#options.presence.ownerOf(key);
  }

  async ask(peer: PeerId, topic: string, question: unknown): Promise<unknown> {
    const { broker, presence } = this.#options;
    const outcome = await broker.request(this.#subject(peer, topic), encode(question), ASK_TIMEOUT_MS);
    if (outcome.kind === "answered") return decode(outcome.payload);
    // Nobody there, or one who does not know the topic: it is heard of again if it lives.
    if (outcome.kind !== "too-large") presence.suspect(peer);
    return undefined;
  }

  answer(topic: string, handler: (question: unknown) => unknown): () => void {
    const { broker, session } = this.#options;
    const serving = broker.respond(this.#subject(session, topic), async (payload) =>
      encode(await handler(decode(payload))),
    );
    return () => serving.stop();
  }

  tell(topic: string, news: unknown): void {
    const { broker, session } = this.#options;
    broker.send(this.#news(topic), encode([session, news]));
  }

  hear(topic: string, listener: (news: unknown) => void): () => void {
    const { broker, session } = this.#options;
    const listening = broker.subscribe(this.#news(topic), ({ payload }) => {
      const told = decode(payload);
      if (Array.isArray(told) && told[0] !== session) listener(told[1]);
    });
    return () => listening.stop();
  }

  #subject(peer: PeerId, topic: string): string {
    return `${this.#options.prefix}.gateway.${peer}.${topic}`;
  }

  #news(topic: string): string {
    return `${this.#options.prefix}.news.${topic}`;
  }
}
