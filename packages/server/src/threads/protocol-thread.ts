/**
 * The program of a protocol thread: it speaks with clients, finds the records in what they put, and asks the
 * thread of the service for everything else.
 */
import { MemoryBudget, nodeRuntime, threadStart } from "@millrace/runtime";
import type { Logger, LogLevel, Port } from "@millrace/runtime";
import { listen, remoteService } from "@millrace/wire";
import type { Listener } from "@millrace/wire";
import type { FromProtocolThread, ProtocolThreadData, ToProtocolThread } from "./messages.ts";

const { data, ports } = threadStart<ProtocolThreadData>();
const [traffic, control] = ports as [Port, Port];
const { clock } = nodeRuntime();
const memory = new MemoryBudget(data.memoryBytes);

const tell = (message: FromProtocolThread) => control.post(message);

const logged =
  (level: LogLevel): Logger[LogLevel] =>
  (message, fields) =>
    tell({ kind: "log", level, message, fields });
const log: Logger = {
  debug: logged("debug"),
  info: logged("info"),
  warn: logged("warn"),
  error: logged("error"),
};

let listener: Listener | undefined;
control.receive((message) => {
  const asked = message as ToProtocolThread;
  // Nothing is asked before this thread has said that it listens.
  const listening = listener!;
  if (asked.kind === "stats") {
    tell({ kind: "stats", number: asked.number, stats: listening.stats(), usedBytes: memory.usedBytes });
    return;
  }
  void listening
    .drain(asked.graceMs)
    .then((brokenOffCount) => tell({ kind: "drained", number: asked.number, brokenOffCount }));
});

try {
  listener = await listen(remoteService(traffic, { findRecords: data.findRecords }), {
    host: data.host,
    port: data.port,
    ...(data.descriptor === undefined ? {} : { descriptor: data.descriptor }),
    isShared: data.isShared,
    ...(data.tls === undefined ? {} : { tls: data.tls }),
    limits: data.limits,
    memory,
    sharedBodies: data.findRecords,
    clock,
    log,
  });
  const { urls, host, port, descriptor } = listener;
  tell({ kind: "listening", urls, host, port, descriptor });
} catch (error) {
  const { code, message } = error as NodeJS.ErrnoException;
  tell({ kind: "refused", code, message });
}
