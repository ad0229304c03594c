/** Several processes on one engine, for tests: what belongs to whom is said by the test. */
import type { LogEngine, PeerId, Peers } from "@millrace/log";

export interface ProcessesUnderTest {
  /** The engine as a process sees it. */
  engineOf(peer: PeerId): LogEngine;
  /** Everything belongs to this process from now on. */
  giveAllTo(peer: PeerId): void;
  /** It answers no questions any more, and owns nothing. */
  silence(peer: PeerId): void;
  /** It answers no questions for as long as nobody notices. */
  deafen(peer: PeerId, isDeaf: boolean): void;
  /** Questions that were asked, by topic. */
  readonly asked: Readonly<Record<string, number>>;
}

export function processesOn(engine: LogEngine, owner: PeerId): ProcessesUnderTest {
  let ownerOfAll = owner;
  const silent = new Set<PeerId>();
  const deaf = new Set<PeerId>();
  const asked: Record<string, number> = {};
  const handlers = new Map<string, (question: unknown) => unknown>();
  const listeners = new Map<string, Map<PeerId, (news: unknown) => void>>();
  /** What goes from one process to another goes as JSON. */
  const copyOf = (value: unknown): unknown => JSON.parse(JSON.stringify(value ?? null)) as unknown;

  const peersOf = (self: PeerId): Peers => {
    const ownerFor = (): PeerId | undefined =>
      ownerOfAll === self || silent.has(ownerOfAll) ? undefined : ownerOfAll;
    return {
      ownerOfLog: ownerFor,
      ownerOfKey: ownerFor,
      async ask(peer, topic, question) {
        asked[topic] = (asked[topic] ?? 0) + 1;
        await Promise.resolve();
        const handler = silent.has(peer) || deaf.has(peer) ? undefined : handlers.get(`${peer} ${topic}`);
        return handler === undefined ? undefined : copyOf(await handler(copyOf(question)));
      },
      answer(topic, handler) {
        handlers.set(`${self} ${topic}`, handler);
        return () => handlers.delete(`${self} ${topic}`);
      },
      tell(topic, news) {
        for (const [peer, listener] of listeners.get(topic) ?? []) if (peer !== self) listener(copyOf(news));
      },
      hear(topic, listener) {
        const ofTopic = listeners.get(topic) ?? new Map<PeerId, (news: unknown) => void>();
        listeners.set(topic, ofTopic.set(self, listener));
        return () => ofTopic.delete(self);
      },
    };
  };

  return {
    asked,
    engineOf(peer) {
      const peers = peersOf(peer);
      return new Proxy(engine, {
        get(target, name) {
          if (name === "peers") return peers;
          const value: unknown = Reflect.get(target, name, target);
          return typeof value === "function" ? (value.bind(target) as unknown) : value;
        },
      });
    },
    giveAllTo(peer) {
      ownerOfAll = peer;
    },
    deafen(peer, isDeaf) {
      if (isDeaf) deaf.add(peer);
      else deaf.delete(peer);
    },
    silence(peer) {
      silent.add(peer);
    },
  };
}
