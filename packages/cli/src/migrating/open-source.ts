/** Where streams are copied from: a server, AWS, or the data directory of a server that is stopped. */
import { inProcessTransport } from "@millrace/client";
import { ClockBehindError, createServer, DamagedDataError } from "@millrace/server";
import type { Invocation } from "../arguments/command.ts";
import { CommandFailure } from "../command.ts";
import { explained, mustExist } from "../commands/data-shared.ts";
import { connect, type Connection } from "../connection.ts";
import type { World } from "../world.ts";

export interface OpenedSource {
  readonly source: Connection;
  readonly close: () => Promise<void>;
}

export async function openSource(world: World, invocation: Invocation, from: string): Promise<OpenedSource> {
  if (from === "aws" || from.includes("://")) {
    return reached(await connect(world, withOptions(invocation, { endpoint: [from] })));
  }
  return openDirectory(world, invocation, from);
}

function reached(source: Connection): OpenedSource {
  return { source, close: () => Promise.resolve() };
}

/** A stopped server's data, served to nobody else: without limits, and without a port. */
async function openDirectory(world: World, invocation: Invocation, dataDir: string): Promise<OpenedSource> {
  await mustExist(world, dataDir, ", and no URL of a server either");
  const runtime = world.runtime({ logLevel: "warn" });
  const server = await explained(createServer(runtime, { dataDir, limits: "off" })).catch(
    (failure: unknown) => {
      const isAnswer = failure instanceof DamagedDataError || failure instanceof ClockBehindError;
      throw isAnswer ? new CommandFailure(failure.message) : failure;
    },
  );
  const inside: World = { ...world, transportTo: () => inProcessTransport(server.service) };
  const source = await connect(inside, withOptions(invocation, { endpoint: ["http://localhost"] }));
  return { source, close: () => server.close() };
}

/** The invocation with other values of some options. */
export function withOptions(invocation: Invocation, options: Invocation["options"]): Invocation {
  return { ...invocation, options: { ...invocation.options, ...options } };
}
