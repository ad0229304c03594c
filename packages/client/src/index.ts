export { createKinesisClient } from "./kinesis-client.ts";
export type { KinesisClient, KinesisClientOptions } from "./kinesis-client.ts";
export { createDynamoClient } from "./dynamo-client.ts";
export type { DynamoClient } from "./dynamo-client.ts";
export type { ClientOptions } from "./service-client.ts";
export type { CallOptions, CallWait } from "./call.ts";
export { isLasting } from "./retry.ts";
export type { SubscriptionEvent } from "./subscription.ts";
export type { Credentials } from "./request-signer.ts";
export { http1Transport } from "./transport/http1.ts";
export type { Http1Options } from "./transport/http1.ts";
export { http2Transport } from "./transport/http2.ts";
export { inProcessTransport } from "./transport/in-process.ts";
export { TransportError } from "./transport/transport.ts";
export type {
  ClientTransport,
  TlsTrust,
  TransportRequest,
  TransportResponse,
} from "./transport/transport.ts";
