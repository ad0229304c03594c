import { resolve } from "node:path";
import {
  ClockBehindError,
  ClusterRefusedError,
  DamagedDataError,
  type MachineMemory,
  OptionError,
  type Server,
  startServer,
} from "@millrace/server";
import { DirectoryInUseError, UnknownFormatError } from "@millrace/log";
import { UsageError } from "../arguments/usage-error.ts";
import { type Command, CommandFailure } from "../command.ts";
import { banner, explainPortTaken } from "../serving/banner.ts";
import { machineMemory } from "../serving/machine-memory.ts";
import { machineName } from "../serving/machine-name.ts";
import { gatherSettings, SERVE_OPTIONS, type Settings } from "../serving/settings.ts";
import { VERSION } from "../version.ts";
import type { World } from "../world.ts";

export const serve: Command = {
  name: "serve",
  summary: "Serve Kinesis Data Streams from this machine",
  description:
    "Speaks HTTP/1.1 and HTTP/2 on one port to every AWS client. SIGTERM and Ctrl-C drain: requests in flight are answered, then the process ends with code 0. Code 70 means that the disk failed and the process ended on purpose.",
  arguments: [],
  options: SERVE_OPTIONS,
  examples: [
    ["millrace serve", "in ./.millrace, on 127.0.0.1:4566"],
    ["millrace serve --stream clicks:2 --stream orders:4", "with two streams from the start"],
    [
      "millrace serve --durability memory --dev --limits off --port 0",
      "for tests: nothing kept, clock and faults at hand",
    ],
    ["millrace serve --tls self-signed", "TLS beside cleartext on the same port, as the KPL wants"],
    [
      "millrace serve --config millrace.json --port 4567",
      "a file with the same options by name; the flag is stronger",
    ],
  ],
  async run(world, invocation) {
    const { environment, readFile } = world;
    const settings = await gatherSettings({ invocation, environment, readFile });
    const server = await started(world, settings, machineMemory());
    world.output.write(
      banner({
        urls: server.urls,
        dataDir: server.options.engine === "jetstream" ? undefined : resolve(server.options.dataDir),
        durability: server.options.engine === "jetstream" ? "cluster" : server.options.durability,
        dev: server.options.dev,
        limits: server.options.limits,
        streamNames: server.options.stream.map(({ name }) => name),
        certPath: server.certPath,
        version: VERSION,
        startedInMs: process.uptime() * 1_000,
        color: world.output.isTerminal,
      }),
    );
    await untilAborted(world.interrupted);
    if (world.output.isTerminal)
      world.output.write("\nfinishing what is in flight; Ctrl-C again ends at once\n");
    await server.stop();
    return 0;
  },
};

async function started(world: World, settings: Settings, machine: MachineMemory): Promise<Server> {
  const { logLevel, logFormat, config: _config, ...options } = settings;
  const runtime = world.runtime({ logLevel, logFormat });
  try {
    return await startServer(runtime, options, {
      version: VERSION,
      machineMemory: machine,
      machineName: machineName(),
    });
  } catch (failure) {
    throw explained(failure, settings);
  }
}

/** What keeps a server from starting is told in words; anything else is a bug and keeps its trace. */
function explained(failure: unknown, { host, port, dataDir }: Settings): unknown {
  if (failure instanceof OptionError) return new UsageError(failure.message, "serve");
  if (
    failure instanceof DirectoryInUseError ||
    failure instanceof DamagedDataError ||
    failure instanceof UnknownFormatError ||
    failure instanceof ClockBehindError ||
    failure instanceof ClusterRefusedError
  ) {
    return new CommandFailure(failure.message);
  }
  const { code, message } = failure as NodeJS.ErrnoException;
  switch (code ?? "") {
    case "EADDRINUSE":
      return new CommandFailure(explainPortTaken({ host, port, platform: process.platform }));
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return new CommandFailure(`this machine has no address ${host}; --host names one, such as 127.0.0.1`);
    case "EACCES":
    case "EPERM":
      return new CommandFailure(
        message.includes("listen")
          ? `this user may not listen on port ${port}; --port names another, such as 4566`
          : `this user may not use ${resolve(dataDir)}: ${message}`,
      );
    case "ENOSPC":
    case "EROFS":
    case "ENOTDIR":
    case "EEXIST":
      return new CommandFailure(`${resolve(dataDir)} cannot be used: ${message}`);
    default:
      return failure;
  }
}

function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
