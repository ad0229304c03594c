import { type Broker, connectNatsBroker } from "@millrace/log-jetstream";
import { nodeRuntime } from "@millrace/runtime";
import type { NatsCluster } from "./nats-cluster.ts";

const { clock } = nodeRuntime();

/** Connections to a cluster, closed together. */
export class Clients {
  readonly #open: Broker[] = [];

  async connect(cluster: NatsCluster, urls: readonly string[] = cluster.urls): Promise<Broker> {
    const { login, systemLogin } = cluster;
    const broker = await connectNatsBroker({
      clock,
      servers: urls,
      name: "cluster test",
      login,
      systemLogin,
    });
    this.#open.push(broker);
    return broker;
  }

  async close(): Promise<void> {
    await Promise.all(this.#open.splice(0).map((broker) => broker.close()));
  }
}
