export { natsServerProblem, startNatsCluster } from "./nats-cluster.ts";
export type { NatsCluster, NatsClusterOptions } from "./nats-cluster.ts";
