/**
 * Which gateways there are. Each says once a second that it is there; who is silent for some seconds is gone, and who leaves says so.
 * All of it is hearsay: who owns what follows from it, and nothing that has to be true.
 */
import type { Clock, Logger, Timer } from "@millrace/runtime";
import type { Broker, Subscription } from "../broker/broker.ts";
import { ownerAmong } from "./rendezvous.ts";

/** What a gateway says of itself. */
export interface GatewayDescription {
  /** Of its engine: another one after each start. */
  readonly session: string;
  /** A name for people, such as the machine's. */
  readonly name: string;
  readonly version: string;
  /** When it joined, milliseconds since the epoch by its own clock. */
  readonly sinceMs: number;
}

interface Hello extends GatewayDescription {
  readonly isLeaving?: boolean;
}

interface Other {
  readonly description: GatewayDescription;
  heardMs: number;
  /** Owns nothing: it did not answer a question since it was heard last, or it is about to leave. */
  ownsNothing: "suspect" | "leaving" | undefined;
}

export interface PresenceOptions {
  readonly broker: Broker;
  /** Machine time. */
  readonly clock: Clock;
  readonly log: Logger;
  readonly prefix: string;
  readonly self: GatewayDescription;
  /** Another gateway is gone: what it was asked for it will not answer. */
  readonly onGone: (session: string) => void;
}

/** How often a gateway says that it is there. */
export const HELLO_PERIOD_MS = 1_000;
/** Who is silent for so long is gone. */
const SILENCE_MS_MAX = 4_000;

export class Presence {
  readonly #options: PresenceOptions;
  readonly #others = new Map<string, Other>();
  readonly #listening: Subscription;
  /** Owners by key, until the gateways change. */
  #owners = new Map<string, string>();
  #timer: Timer | undefined;
  #isLeaving = false;

  constructor(options: PresenceOptions) {
    this.#options = options;
    this.#listening = options.broker.subscribe(helloSubject(options.prefix), ({ payload }) =>
      this.#hear(payload),
    );
  }

  /** Says that this gateway is there, from now on. It has to be ready for what others send it then. */
  begin(): void {
    this.#goOn();
  }

  /** The other gateway that a thing belongs to; undefined when it is this one's. */
  ownerOf(key: string): string | undefined {
    let owner = this.#owners.get(key);
    if (owner === undefined) {
      owner = ownerAmong(this.#candidates(), key)!;
      if (this.#owners.size >= OWNERS_MAX) this.#owners.clear();
      this.#owners.set(key, owner);
    }
    return owner === this.#options.self.session ? undefined : owner;
  }

  /** A gateway did not answer: nothing is its, until it is heard of again. */
  suspect(session: string): void {
    const other = this.#others.get(session);
    if (other === undefined || other.ownsNothing !== undefined) return;
    other.ownsNothing = "suspect";
    this.#owners = new Map();
    this.#options.log.debug("another gateway did not answer", { gateway: other.description.name, session });
  }

  /** A gateway is surely not there. */
  gone(session: string): void {
    this.#forget(session, "another gateway is gone");
  }

  /** Says that this gateway will be gone soon: nothing is its any more. Resolves when the others have heard it. */
  async leave(): Promise<void> {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    this.#timer?.cancel();
    this.#say();
    this.#owners = new Map();
    if (this.#others.size > 0) await this.#options.clock.sleep(NEWS_MS);
  }

  close(): void {
    this.#listening.stop();
  }

  *#candidates(): IterableIterator<string> {
    const { session } = this.#options.self;
    let count = 0;
    for (const [other, { ownsNothing }] of this.#others) {
      if (ownsNothing !== undefined) continue;
      count += 1;
      yield other;
    }
    if (!this.#isLeaving || count === 0) yield session;
  }

  #goOn(): void {
    this.#say();
    this.#timer = this.#options.clock.schedule(HELLO_PERIOD_MS, () => {
      const nowMs = this.#options.clock.monotonicMs();
      for (const [session, { heardMs }] of this.#others) {
        if (nowMs - heardMs >= SILENCE_MS_MAX) this.#forget(session, "another gateway fell silent");
      }
      this.#goOn();
    });
  }

  #say(): void {
    const { broker, prefix, self } = this.#options;
    const hello: Hello = this.#isLeaving ? { ...self, isLeaving: true } : self;
    broker.send(helloSubject(prefix), Buffer.from(JSON.stringify(hello)));
  }

  #hear(payload: Uint8Array): void {
    const hello = readHello(payload);
    if (hello === undefined || hello.session === this.#options.self.session) return;
    const heardMs = this.#options.clock.monotonicMs();
    const known = this.#others.get(hello.session);
    if (known !== undefined) {
      known.heardMs = heardMs;
      const ownsNothing = hello.isLeaving === true ? "leaving" : undefined;
      if (known.ownsNothing === ownsNothing) return;
      known.ownsNothing = ownsNothing;
      this.#owners = new Map();
      return;
    }
    if (hello.isLeaving === true) return;
    this.#others.set(hello.session, { description: hello, heardMs, ownsNothing: undefined });
    this.#owners = new Map();
    this.#options.log.info("another gateway is there", { gateway: hello.name, session: hello.session });
    // It may be new here, and then it does not know this one yet.
    if (!this.#isLeaving) this.#say();
  }

  #forget(session: string, what: string): void {
    const other = this.#others.get(session);
    if (other === undefined) return;
    this.#others.delete(session);
    this.#owners = new Map();
    const said = other.ownsNothing === "leaving" ? "another gateway has left" : what;
    this.#options.log.info(said, { gateway: other.description.name, session });
    this.#options.onGone(session);
  }
}

/** In which news reaches everyone who is there. */
const NEWS_MS = 200;

/** Keys whose owner is remembered. */
const OWNERS_MAX = 10_000;

/** The gateways that say within a little more than one period that they are there, by name. Asks nobody to do anything. */
export async function listenForGateways(
  broker: Broker,
  clock: Clock,
  prefix: string,
): Promise<readonly GatewayDescription[]> {
  const found = new Map<string, GatewayDescription>();
  const listening = broker.subscribe(helloSubject(prefix), ({ payload }) => {
    const hello = readHello(payload);
    if (hello === undefined) return;
    if (hello.isLeaving === true) found.delete(hello.session);
    else found.set(hello.session, hello);
  });
  await clock.sleep(HELLO_PERIOD_MS * 1.5);
  listening.stop();
  return [...found.values()].sort((one, other) => (one.name < other.name ? -1 : 1));
}

function helloSubject(prefix: string): string {
  return `${prefix}.gateways`;
}

/** What was said, if it has the form. */
function readHello(payload: Uint8Array): Hello | undefined {
  let said: Partial<Hello> | null;
  try {
    said = JSON.parse(Buffer.from(payload).toString()) as Partial<Hello> | null;
  } catch {
    return undefined;
  }
  const { session, name, version, sinceMs, isLeaving } = said ?? {};
  if (typeof session !== "string" || typeof name !== "string" || typeof version !== "string")
    return undefined;
  if (typeof sinceMs !== "number") return undefined;
  return { session, name, version, sinceMs, isLeaving: isLeaving === true };
}
