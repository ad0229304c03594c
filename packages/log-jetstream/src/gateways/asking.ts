import type { Broker, RequestOutcome } from "../broker/broker.ts";

/** Asks other gateways for as long as they are there. */
export class Asking {
  readonly #broker: Broker;
  /** What gives up waiting, by the gateway that is waited for. */
  readonly #waiting = new Map<string, Set<() => void>>();

  constructor(broker: Broker) {
    this.#broker = broker;
  }

  /** Asks the gateway of a session. What it has made of the question is `unknown` when it is gone before it has answered. */
  request(session: string, subject: string, payload: Uint8Array, timeoutMs: number): Promise<RequestOutcome> {
    const asked = this.#broker.request(subject, payload, timeoutMs);
    let waiting = this.#waiting.get(session);
    if (waiting === undefined) this.#waiting.set(session, (waiting = new Set()));
    const set = waiting;
    return new Promise((resolve, reject) => {
      const giveUp = (): void =>
        resolve({ kind: "unknown", reason: "the gateway that was asked fell silent" });
      set.add(giveUp);
      asked.then(resolve, reject).finally(() => {
        set.delete(giveUp);
        if (set.size === 0 && this.#waiting.get(session) === set) this.#waiting.delete(session);
      });
    });
  }

  /** A gateway is gone: what waits for it hears that nobody knows. */
  gone(session: string): void {
    for (const giveUp of this.#waiting.get(session) ?? []) giveUp();
  }
}
