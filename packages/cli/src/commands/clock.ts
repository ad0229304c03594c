import { formatDuration } from "../arguments/duration.ts";
import { argumentOf, durationFrom, isSet } from "../arguments/values.ts";
import type { Command } from "../command.ts";
import { connect, CONNECTION_OPTIONS } from "../connection.ts";
import { progressOn } from "../output/progress.ts";
import type { World } from "../world.ts";
import { JSON_OPTION, printJson, printLines } from "./stream-shared.ts";

/** Service time as the server tells it. */
interface ServiceTime {
  readonly nowMs: number;
  /** How far it is ahead of the machine's. */
  readonly offsetMs: number;
}

export const clock: Command = {
  name: "clock",
  summary: "Show the service's time",
  arguments: [],
  options: [JSON_OPTION, ...CONNECTION_OPTIONS],
  examples: [],
  async run(world, invocation) {
    const { control } = await connect(world, invocation);
    show(world, (await control("GET", "clock")) as ServiceTime, isSet(invocation, "json"));
    return 0;
  },
};

export const clockAdvance: Command = {
  name: "clock advance",
  summary: "Move the service's time forward",
  description:
    "Retention, iterators, stream states and limits follow. Returns when all work that fell due is done. The server must run with --dev; time never goes back.",
  arguments: [{ name: "DURATION", description: "how far: 90s, 25h, 7d" }],
  options: [JSON_OPTION, ...CONNECTION_OPTIONS],
  examples: [["millrace clock advance 25h", "past the default retention"]],
  async run(world, invocation) {
    const durationMs = durationFrom(argumentOf(invocation, "DURATION"), "DURATION");
    const { control } = await connect(world, invocation);
    const progress = progressOn(world.errors);
    progress.show(`moving the clock by ${formatDuration(durationMs)}`);
    try {
      const time = (await control("POST", "clock/advance", { durationMs })) as ServiceTime;
      progress.clear();
      show(world, time, isSet(invocation, "json"));
    } finally {
      progress.clear();
    }
    return 0;
  },
};

function show(world: World, time: ServiceTime, json: boolean): void {
  if (json) {
    printJson(world, { now: new Date(time.nowMs).toISOString(), offsetMs: time.offsetMs });
    return;
  }
  const ahead = time.offsetMs > 0 ? `, ${formatDuration(time.offsetMs)} ahead of this machine` : "";
  printLines(world, [`${new Date(time.nowMs).toISOString()}${ahead}`]);
}
