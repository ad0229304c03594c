import { ServiceError } from "@millrace/api";
import { commandHelp, programHelp } from "./arguments/help.ts";
import { type Parsed, parseCommandLine } from "./arguments/parse.ts";
import { UsageError } from "./arguments/usage-error.ts";
import { type Command, CommandFailure, interruptedCode } from "./command.ts";
import type { World } from "./world.ts";

/**
 * Runs one of the commands.
 *
 * @param argv what stands after the program's name.
 * @returns the exit code: 0 done, 1 failed, 2 the command line is wrong, 130 interrupted.
 */
export async function runCommand(
  commands: readonly Command[],
  argv: readonly string[],
  world: World,
): Promise<number> {
  try {
    const parsed = parseCommandLine(commands, argv);
    if (parsed.kind === "help") {
      world.output.write(helpOf(parsed, commands));
      // Help that nobody asked for is an answer to an incomplete command line.
      return argv.length === 0 ? 2 : 0;
    }
    const command = commands.find(({ name }) => name === parsed.invocation.command.name);
    if (command === undefined) throw new TypeError(`${parsed.invocation.command.name} has no code`);
    return await command.run(world, parsed.invocation);
  } catch (failure) {
    return explain(failure, world);
  }
}

function helpOf({ command, group }: Extract<Parsed, { kind: "help" }>, commands: readonly Command[]): string {
  return command === undefined ? programHelp(commands, group) : commandHelp(command);
}

function explain(failure: unknown, world: World): number {
  if (failure instanceof UsageError) {
    const where = failure.command === undefined ? "millrace --help" : `millrace ${failure.command} --help`;
    world.errors.write(`millrace: ${failure.message}\n\`${where}\` tells more.\n`);
    return 2;
  }
  if (world.interrupted.aborted) {
    if (failure instanceof CommandFailure) world.errors.write(`millrace: ${failure.message}\n`);
    return interruptedCode(world);
  }
  if (failure instanceof ServiceError) {
    world.errors.write(`millrace: ${failure.code}: ${failure.message}\n${hintFor(failure)}`);
    return 1;
  }
  if (failure instanceof Error && (failure instanceof CommandFailure || "code" in failure)) {
    world.errors.write(`millrace: ${failure.message}\n`);
    return 1;
  }
  world.errors.write(
    `millrace: ${failure instanceof Error ? (failure.stack ?? failure.message) : String(failure)}\n`,
  );
  return 1;
}

/** How a read says which records are damaged or lost. */
const LOST_RECORDS = /^Records of (?<shardId>\S+) from \d+ up to, not including, (?<next>\d+) /;

function hintFor({ code, message }: ServiceError): string {
  switch (code) {
    case "ConnectionFailed":
      if (message.includes("certificate")) {
        return "--ca FILE trusts a certificate (a Millrace server names its own when it starts); --insecure accepts any.\n";
      }
      return "Is a server running there? `millrace serve` starts one; --endpoint or MILLRACE_ENDPOINT names another.\n";
    case "MissingAuthenticationTokenException":
      return "AWS wants credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.\n";
    case "ResourceNotFoundException":
      return "`millrace stream ls` lists the streams of this account and region.\n";
    case "InternalFailureException": {
      const lost = LOST_RECORDS.exec(message)?.groups;
      return lost === undefined
        ? ""
        : `Behind them it goes on: --shard ${lost["shardId"]} --from sequence:${lost["next"]}\n`;
    }
    default:
      return "";
  }
}
