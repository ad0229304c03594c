import { type Broker, connectNatsBroker, type NatsBrokerOptions } from "@millrace/log-jetstream";
import { nodeRuntime } from "@millrace/runtime";
import type { NatsCluster } from "./nats-cluster.ts";

const { clock } = nodeRuntime();

/** Connections to a cluster, closed together. */
export class Clients {
  readonly #open: Broker[] = [];
  readonly #options: Pick<NatsBrokerOptions, "answerTimeoutMs">;

  constructor(options: Pick<NatsBrokerOptions, "answerTimeoutMs"> = {}) {
    this.#options = options;
  }

  /** A client that may do all that a gateway may. */
  connect(cluster: NatsCluster, urls: readonly string[] = cluster.urls): Promise<Broker> {
    const { login, systemLogin } = cluster;
    return this.#connect({ servers: urls, login, systemLogin });
  }

  /** A client that may not ask servers for their settings. */
  connectAsGatewayOnly({ urls, login }: NatsCluster): Promise<Broker> {
    return this.#connect({ servers: urls, login });
  }

  async #connect(options: Pick<NatsBrokerOptions, "servers" | "login" | "systemLogin">): Promise<Broker> {
    const broker = await connectNatsBroker({ clock, name: "cluster test", ...this.#options, ...options });
    this.#open.push(broker);
    return broker;
  }

  async close(): Promise<void> {
    await Promise.all(this.#open.splice(0).map((broker) => broker.close()));
  }
}
