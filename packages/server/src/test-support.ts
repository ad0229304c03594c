/** Servers for tests: real time, files in memory, lines of the log kept. */
import { createKinesisClient, inProcessTransport } from "@millrace/client";
import type { KinesisClient } from "@millrace/client";
import { inMemoryFiles, memoryLogger, nodeRuntime } from "@millrace/runtime";
import type { Files, MemoryLogger, Runtime } from "@millrace/runtime";
import type { WireRequest, WireResponse, WireService } from "@millrace/wire";
import { createServer } from "./create-server.ts";
import type { ServerCore, ServerSurroundings } from "./create-server.ts";
import type { ServerOptions } from "./options/declarations.ts";

export interface TestRuntime extends Runtime {
  readonly log: MemoryLogger;
}

export function testRuntime(files: Files = inMemoryFiles()): TestRuntime {
  return { ...nodeRuntime(), files, log: memoryLogger() };
}

export interface ServerUnderTest extends ServerCore {
  readonly runtime: TestRuntime;
  readonly client: KinesisClient;
}

/** A server on the memory engine unless the options say otherwise, with the clock and faults open. */
export async function serverUnderTest(
  options: Partial<ServerOptions> = {},
  runtime: TestRuntime = testRuntime(),
  surroundings: ServerSurroundings = {},
): Promise<ServerUnderTest> {
  const core = await createServer(
    runtime,
    { durability: "memory", dev: true, transitionDelay: 0, ...options },
    surroundings,
  );
  return { ...core, runtime, client: clientOf(core.service, runtime) };
}

/** A client in this process that does not try again. */
export function clientOf(service: WireService, { clock, random }: Runtime): KinesisClient {
  return createKinesisClient({ transport: inProcessTransport(service), clock, random, attemptCountMax: 1 });
}

export async function activeStream(
  client: KinesisClient,
  runtime: Runtime,
  name: string,
  shardCount = 1,
): Promise<void> {
  await client.createStream({ StreamName: name, ShardCount: shardCount });
  for (;;) {
    const { StreamDescriptionSummary } = await client.describeStreamSummary({ StreamName: name });
    if (StreamDescriptionSummary.StreamStatus === "ACTIVE") return;
    // Summaries are given 20 times a second.
    await runtime.clock.sleep(55);
  }
}

/** A request of a person or a tool to one of the server's own paths. */
export function ask(
  service: WireService,
  method: string,
  path: string,
  given: { body?: unknown; headers?: Record<string, string>; remoteAddress?: string } = {},
): Promise<WireResponse> {
  const request: WireRequest = {
    method,
    path,
    headers: { host: "localhost:4566", ...given.headers },
    body:
      given.body === undefined
        ? new Uint8Array(0)
        : Buffer.from(typeof given.body === "string" ? given.body : JSON.stringify(given.body)),
    remoteAddress: given.remoteAddress ?? "127.0.0.1",
    viaTls: false,
    httpVersion: "1.1",
  };
  return service(request);
}

export function textOf(response: WireResponse): string {
  return Buffer.from(response.body as Uint8Array).toString("utf8");
}

export function jsonOf(response: WireResponse): unknown {
  return JSON.parse(textOf(response));
}
