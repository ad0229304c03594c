import type { Runtime } from "@millrace/runtime";
import { listen } from "@millrace/wire";
import type { ListenerLimits } from "@millrace/wire";
import { loadCertificate } from "./certificate.ts";
import { createServer } from "./create-server.ts";
import type { ServerCore, ServerSurroundings } from "./create-server.ts";
import { EventLoopLag } from "./metrics/event-loop-lag.ts";
import type { Certificate } from "./certificate.ts";
import { startProtocolThreads } from "./threads/protocol-threads.ts";
import type { ProtocolThreads } from "./threads/protocol-threads.ts";
import { OptionError } from "./options/option-error.ts";
import type { ServerOptions } from "./options/declarations.ts";

export interface Server extends Omit<ServerCore, "setReady" | "setProcessFigures"> {
  /** Where clients on this machine reach it: `http://…`, and `https://…` with TLS. */
  readonly urls: readonly string[];
  readonly port: number;
  /** The file by which clients can trust the certificate; undefined without TLS, or when it is in memory. */
  readonly certPath: string | undefined;
  /**
   * Takes no more connections, lets requests in flight finish for at most `graceMs` (default 10 s), and closes.
   * Calls after the first wait for it.
   */
  stop(graceMs?: number): Promise<void>;
  /** Breaks off what is in flight, and closes: {@link Server.stop} without grace. */
  close(): Promise<void>;
}

export interface StartSurroundings extends ServerSurroundings {
  /** Overrides of the listener's bounds. */
  readonly listenerLimits?: Partial<ListenerLimits>;
}

const GRACE_MS = 10_000;

/**
 * Starts a server that takes requests when this resolves.
 *
 * @throws what {@link createServer} throws; {@link OptionError} for certificates that cannot be used; Node's
 * error (`EADDRINUSE`, `EACCES`, `EADDRNOTAVAIL`, …) when the port cannot be had. Nothing is left open then.
 */
export async function startServer(
  runtime: Runtime,
  given: Partial<ServerOptions> = {},
  surroundings: StartSurroundings = {},
): Promise<Server> {
  const { setReady, setProcessFigures, ...core } = await createServer(runtime, given, surroundings);
  try {
    const { options } = core;
    const certificate = await loadCertificate(runtime, options);
    const listener = await clientsOf(runtime, core, certificate, surroundings).catch((error: unknown) => {
      throw certificate !== undefined && isTlsError(error) ? unusableCertificate(error) : error;
    });
    const lag = new EventLoopLag(runtime.clock);
    setProcessFigures(async () => ({ ...(await listener.figures()), eventLoopLagMs: lag.figures() }));

    let stopped: Promise<void> | undefined;
    const stop = async (graceMs: number) => {
      setReady(false);
      const brokenOffCount = await listener.drain(graceMs);
      if (graceMs > 0 && brokenOffCount > 0) {
        runtime.log.warn("connections were broken off, because they did not end in time", {
          brokenOffCount,
          graceMs,
        });
      }
      lag.stop();
      await core.close();
      await listener.end();
    };
    return {
      ...core,
      urls: listener.urls,
      port: listener.port,
      certPath: certificate?.certPath,
      stop: (graceMs = GRACE_MS) => (stopped ??= stop(graceMs)),
      close: () => (stopped ??= stop(0)),
    };
  } catch (error) {
    await core.close();
    throw error;
  }
}

/** Speaks with clients: in this thread, or in others. */
async function clientsOf(
  runtime: Runtime,
  {
    options,
    memory,
    memoryShares,
    service,
  }: Pick<ServerCore, "options" | "memory" | "memoryShares" | "service">,
  certificate: Certificate | undefined,
  { listenerLimits }: StartSurroundings,
): Promise<ProtocolThreads> {
  const where = {
    host: options.host,
    port: options.port,
    ...(certificate === undefined ? {} : { tls: { cert: certificate.cert, key: certificate.key } }),
    ...(listenerLimits === undefined ? {} : { limits: listenerLimits }),
  };
  if (options.threads > 1) {
    return startProtocolThreads(runtime, service, {
      ...where,
      count: options.threads - 1,
      memoryBytes: memoryShares.protocol,
      findRecords: !options.dev,
    });
  }
  const listener = await listen(service, { ...where, memory, clock: runtime.clock, log: runtime.log });
  return {
    ...listener,
    figures: () => Promise.resolve({ listener: listener.stats() }),
    end: () => Promise.resolve(),
  };
}

function isTlsError(error: unknown): error is NodeJS.ErrnoException {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  return code.startsWith("ERR_OSSL") || code.startsWith("ERR_TLS") || code.startsWith("ERR_CRYPTO");
}

function unusableCertificate(error: Error): OptionError {
  return new OptionError("tlsCert", `--tls-cert and --tls-key cannot be used together: ${error.message}`);
}
