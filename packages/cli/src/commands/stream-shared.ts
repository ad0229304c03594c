import { ServiceError } from "@millrace/api";
import type { OptionSpec } from "../arguments/command.ts";
import { CommandFailure } from "../command.ts";
import type { Connection } from "../connection.ts";
import { pause } from "../reading/shard-sources.ts";
import { progressOn } from "../output/progress.ts";
import { PATIENCE_MS } from "../output/waiting.ts";
import type { World } from "../world.ts";

export const JSON_OPTION: OptionSpec = {
  name: "json",
  description: "Print JSON, as the service answered it",
};

export const NO_WAIT_OPTION: OptionSpec = {
  name: "no-wait",
  description: "Return when the request is accepted, before the stream is ready",
};

export const STREAM_ARGUMENT = { name: "STREAM", description: "name of the stream" } as const;

const POLL_MS_MIN = 20;
const POLL_MS_MAX = 2_000;

/** Waits until the stream has the status ACTIVE, or is gone. Shows `doing` while it lasts. */
export async function waitForStream(
  world: World,
  { kinesis, tellWait }: Connection,
  streamName: string,
  until: "ACTIVE" | "gone",
  doing: string,
  progressOf?: () => Promise<number | undefined>,
): Promise<void> {
  const progress = progressOn(world.errors);
  const beganMs = world.clock.monotonicMs();
  try {
    for (let pollMs = POLL_MS_MIN; ; pollMs = Math.min(POLL_MS_MAX, pollMs * 1.5)) {
      const status = await statusOf(streamName, kinesis);
      if (until === "gone" ? status === undefined : status === "ACTIVE") return;
      if (status === undefined) throw new CommandFailure(`stream ${streamName} is gone`);
      progress.show(`${doing} (${status})`, await progressOf?.());
      const isSlow = world.clock.monotonicMs() + pollMs - beganMs > PATIENCE_MS;
      if (isSlow && !world.errors.isTerminal) tellWait(`${doing} (${status})`);
      await pause(world.clock, pollMs, world.interrupted);
      if (world.interrupted.aborted) {
        throw new CommandFailure(`interrupted; stream ${streamName} is ${status} and goes on without us`);
      }
    }
  } finally {
    progress.clear();
  }
}

async function statusOf(streamName: string, kinesis: Connection["kinesis"]): Promise<string | undefined> {
  try {
    const { StreamDescriptionSummary } = await kinesis.describeStreamSummary({ StreamName: streamName });
    return StreamDescriptionSummary.StreamStatus;
  } catch (failure) {
    if (failure instanceof ServiceError && failure.code === "ResourceNotFoundException") return undefined;
    throw failure;
  }
}

export function printLines(world: World, lines: readonly string[]): void {
  world.output.write(lines.map((line) => `${line}\n`).join(""));
}

/** Timestamps as ISO text and blobs as base64, so that what is printed can be read by people and programs. */
export function printJson(world: World, value: unknown): void {
  world.output.write(`${JSON.stringify(value, readable, 2)}\n`);
}

function readable(name: string, value: unknown): unknown {
  if (typeof value === "number" && /Timestamp$|At$/.test(name)) return new Date(value).toISOString();
  return value;
}
