import { dynamodb } from "@millrace/api";
import { type CallsOf, callsOf, type ClientOptions } from "./service-client.ts";

/**
 * The part of DynamoDB that leases need, as functions, one per operation, typed from the contracts: of a Millrace
 * server, of AWS, or of a service in this process. It speaks AWS JSON 1.0.
 *
 * A call rejects with a `ServiceError` as those of {@link KinesisClient} do. The item that a failed condition shows,
 * where it was asked for, is `details.Item` of the error.
 */
export type DynamoClient = CallsOf<typeof dynamodb> & {
  /** Lets go of connections. */
  close(): Promise<void>;
};

/**
 * Makes a client of DynamoDB. Nothing is connected before the first call.
 *
 * @throws {TypeError} when there is neither an endpoint nor a transport, or the endpoint is no http: or https: URL.
 */
export function createDynamoClient(options: ClientOptions): DynamoClient {
  const { calls, close } = callsOf(dynamodb, options, "json");
  return { ...calls, close };
}
