import type { PeerId, Peers, ShardLogId } from "@millrace/log";
import type { Clock } from "@millrace/runtime";
import type { Broker } from "../broker/broker.ts";
import type { Presence } from "./presence.ts";
import { decode, encode } from "./json-message.ts";
import { Questions } from "./questions.ts";
import { groupKey } from "./rendezvous.ts";

export interface GatewayPeersOptions {
  readonly broker: Broker;
  readonly clock: Clock;
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
  /** What others are being asked, by where it goes. */
  readonly #questions = new Map<string, Questions>();

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

  ask(peer: PeerId, topic: string, question: unknown): Promise<unknown> {
    const subject = this.#subject(peer, topic);
    let questions = this.#questions.get(subject);
    if (questions === undefined) {
      questions = new Questions({
        clock: this.#options.clock,
        askTogether: (asked) => this.#askTogether(peer, subject, asked),
        onIdle: () => this.#questions.delete(subject),
      });
      this.#questions.set(subject, questions);
    }
    return questions.ask(question);
  }

  async #askTogether(
    peer: PeerId,
    subject: string,
    questions: readonly string[],
  ): Promise<readonly unknown[] | undefined> {
    const { broker, presence } = this.#options;
    const payload = Buffer.from(`[${questions.join(",")}]`);
    const outcome = await broker.request(subject, payload, ASK_TIMEOUT_MS);
    const answers = outcome.kind === "answered" ? decode(outcome.payload) : undefined;
    if (Array.isArray(answers) && answers.length === questions.length)
      return answers.map((answer: unknown) => (Array.isArray(answer) ? answer[0] : undefined) as unknown);
    // Nobody there, or one who does not know the topic: it is heard of again if it lives.
    if (outcome.kind !== "answered" && outcome.kind !== "too-large") presence.suspect(peer);
    return undefined;
  }

  answer(topic: string, handler: (question: unknown) => unknown): () => void {
    const { broker, session } = this.#options;
    const serving = broker.respond(this.#subject(session, topic), async (payload) => {
      const questions = decode(payload);
      if (!Array.isArray(questions)) throw new Error(`what was asked about ${topic} is no list of questions`);
      return encode(await Promise.all(questions.map((question: unknown) => answered(handler, question))));
    });
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

/** The answer in a list; an empty one for a question that cannot be answered, while those beside it are. */
async function answered(
  handler: (question: unknown) => unknown,
  question: unknown,
): Promise<readonly unknown[]> {
  try {
    return [await handler(question)];
  } catch {
    return [];
  }
}
