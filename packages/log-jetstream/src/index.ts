export type {
  Broker,
  DescribeOutcome,
  FollowerDescription,
  JetStreamDescription,
  ListOutcome,
  MessageOutcome,
  MessagesOutcome,
  MessageToPublish,
  NoStream,
  PublishExpectation,
  PublishOutcome,
  PurgeOutcome,
  PurgeRequest,
  ReadOutcome,
  ReadRequest,
  RefusalCause,
  RequestOutcome,
  ServerDescription,
  ServersOutcome,
  StoredAnnouncement,
  StoredMessage,
  StreamChangeOutcome,
  StreamDescription,
  StreamSettings,
  Subscription,
  Unavailable,
} from "./broker/broker.ts";
export { BATCH_MESSAGES_MAX } from "./broker/broker.ts";
export { connectNatsBroker } from "./broker/nats-broker.ts";
export type { Login, NatsBrokerOptions } from "./broker/nats-broker.ts";
export { watchStream } from "./broker/watch-stream.ts";
export type { WatchOptions } from "./broker/watch-stream.ts";
export type { BrokerFault, BrokerFaultChances } from "./simulated/broker-faults.ts";
export type { SimulatedClusterOptions } from "./simulated/cluster-state.ts";
export { simulatedCluster } from "./simulated/simulated-cluster.ts";
export type { SimulatedClient, SimulatedCluster } from "./simulated/simulated-cluster.ts";
export {
  checkCluster,
  CLOCK_SKEW_MS_MAX,
  MAX_PAYLOAD_BYTES_MIN,
  refusalsOf,
  REPLICAS,
  SERVER_VERSION_MIN,
  ZONE_TAG,
} from "./checks.ts";
export type { ClusterCheck } from "./checks.ts";
export { joinCluster } from "./jetstream-engine.ts";
export type { JetStreamEngineOptions } from "./jetstream-engine-options.ts";
export { listenForGateways } from "./gateways/presence.ts";
export type { GatewayDescription } from "./gateways/presence.ts";
export { groupKey, ownerAmong } from "./gateways/rendezvous.ts";
