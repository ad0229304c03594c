import type { Command } from "../command.ts";
import { VERSION } from "../version.ts";

export const version: Command = {
  name: "version",
  summary: "Print the version",
  arguments: [],
  options: [],
  examples: [],
  run(world) {
    world.output.write(`millrace ${VERSION}\n`);
    return Promise.resolve(0);
  },
};
