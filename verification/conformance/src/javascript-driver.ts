/** `@aws-sdk/client-kinesis` as it comes: HTTP/2, JSON, one session per request. */
import * as sdk from "@aws-sdk/client-kinesis";
import { CallError, type Driver, type KinesisClient, type SubscribeToShardEvent } from "./client.ts";

interface AnyCommand {
  new (input: object): Parameters<sdk.KinesisClient["send"]>[0];
}

export function javascriptDriver(endpoint: string, region: string): Driver {
  const opened: sdk.KinesisClient[] = [];
  return {
    name: "javascript",
    lacks: new Set(),
    client(accessKeyId) {
      const client = new sdk.KinesisClient({
        endpoint,
        region,
        // Nothing is retried: cases look at every answer as it was sent.
        maxAttempts: 1,
        ...(accessKeyId === undefined ? {} : { credentials: { accessKeyId, secretAccessKey: "secret" } }),
      });
      opened.push(client);
      return doorOf(client);
    },
    close() {
      for (const client of opened) client.destroy();
      return Promise.resolve();
    },
  };
}

function doorOf(client: sdk.KinesisClient): KinesisClient {
  const send = async (operation: string, input: object, signal?: AbortSignal) => {
    const Command = (sdk as unknown as Record<string, AnyCommand>)[`${operation}Command`];
    if (Command === undefined) throw new Error(`the SDK knows no operation ${operation}`);
    try {
      const options = signal === undefined ? {} : { abortSignal: signal };
      const { $metadata: _, ...output } = await client.send(new Command(input), options);
      return output as Record<string, unknown>;
    } catch (error) {
      throw asCallError(error);
    }
  };
  return {
    call: async (operation, input = {}) => (await send(operation, input)) as never,
    async subscribe(input) {
      const leave = new AbortController();
      const output = await send("SubscribeToShard", input, leave.signal);
      const events = (output["EventStream"] as AsyncIterable<Record<string, unknown>>)[
        Symbol.asyncIterator
      ]();
      return {
        async next() {
          try {
            const { done, value } = await events.next();
            if (done === true) return undefined;
            return value["SubscribeToShardEvent"] as SubscribeToShardEvent;
          } catch (error) {
            throw asCallError(error);
          }
        },
        close() {
          leave.abort();
          // Leaving makes a pending `next` fail; nobody is waiting for it any more.
          events.return?.(undefined).catch(() => {});
        },
      };
    },
  };
}

function asCallError(error: unknown): CallError {
  const { name, message, $metadata } = error as sdk.KinesisServiceException;
  return new CallError(name, message, $metadata?.httpStatusCode ?? 0);
}
