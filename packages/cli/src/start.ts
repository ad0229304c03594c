import { serve } from "./commands/serve.ts";
import { runCommand } from "./run.ts";
import type { World } from "./world.ts";

/** Runs the program as {@link runCommand} does. A server starts sooner when it does not load the other commands. */
export async function run(argv: readonly string[], world: World): Promise<number> {
  if (argv[0] === "serve") return runCommand([serve], argv, world);
  const { COMMANDS } = await import("./commands/index.ts");
  return runCommand(COMMANDS, argv, world);
}
