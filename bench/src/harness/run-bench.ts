/** Runs one bench, and leaves nothing of it behind. */
import type { MillraceServerOptions } from "../servers/millrace-server.ts";
import { startMillraceServer } from "../servers/millrace-server.ts";
import { scratchDirectory } from "../servers/scratch.ts";
import type { ServerProcess } from "../servers/server-process.ts";
import type { Bench, BenchRun, Sizes } from "./bench.ts";

export interface RunOptions {
  readonly size: Sizes;
  readonly rounds: number;
  readonly progress?: (text: string) => void;
  /** For every server that the bench starts, under what the bench itself says. */
  readonly server?: MillraceServerOptions;
}

export async function runBench(bench: Bench, options: RunOptions): Promise<BenchRun> {
  const { size, rounds, progress = () => undefined, server: defaults = {} } = options;
  const servers = new Set<ServerProcess>();
  const scratches: { remove(): void }[] = [];
  try {
    const run = await bench.run(size, {
      rounds,
      progress,
      scratch() {
        const scratch = scratchDirectory(bench.name);
        scratches.push(scratch);
        return scratch.path;
      },
      async millrace(given = {}) {
        const nodeFlags = [...(defaults.nodeFlags ?? []), ...(given.nodeFlags ?? [])];
        const started = await startMillraceServer({ ...defaults, ...given, nodeFlags });
        const server: ServerProcess = {
          ...started,
          stop: () => {
            servers.delete(server);
            return started.stop();
          },
          kill: () => {
            servers.delete(server);
            return started.kill();
          },
        };
        servers.add(server);
        return server;
      },
    });
    await Promise.all([...servers].map((server) => server.stop()));
    return run;
  } finally {
    await Promise.all([...servers].map((server) => server.kill()));
    for (const scratch of scratches) scratch.remove();
  }
}
