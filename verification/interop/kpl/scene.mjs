/** What the scenarios share: a server with TLS as a process, the KPL or others as another, and two ways to read what came of it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { createKinesisClient } from "../../../packages/client/dist/index.js";
import { createConsumer, memoryLeaseStore, polling } from "../../../packages/consumer/dist/index.js";
import { nodeRuntime } from "../../../packages/runtime/dist/index.js";

export const REGION = "us-east-1";
const PATIENCE_MS = 300_000;
/** A process that hangs must not keep the suite from telling what it said. */
const WHOLE_PATIENCE_MS = 600_000;
/** A busy machine may leave a request without an answer for longer than the KPL waits by default. */
const PATIENT = { RecordTtl: 120_000, RequestTimeout: 60_000 };
const { clock, random } = nodeRuntime();

const pathOf = (path) => fileURLToPath(new URL(path, import.meta.url));

function archive(directory, path) {
  const found = pathOf(`../${directory}/target/${path}`);
  if (!existsSync(found))
    throw new Error(`make it first: mvn -q -f verification/interop/${directory} package`);
  return found;
}

/** Runs a scenario on a server of its own; the process ends with 1 when something is not as it should be. */
export async function play({ stream, shardCount } = {}, scenario) {
  const directory = mkdtempSync(join(tmpdir(), "millrace-interop-"));
  const scene = new Scene(directory);
  try {
    const late = sleep(WHOLE_PATIENCE_MS, "late", { ref: false });
    const whole = scene.serve(stream, shardCount).then(() => scenario(scene));
    if ((await Promise.race([whole, late])) === "late") {
      throw new Error(`it was not done after ${WHOLE_PATIENCE_MS / 60_000} minutes`);
    }
  } catch (error) {
    for (const { name, errors } of scene.processes) {
      for (const line of errors.slice(-40)) console.error(`${name}: ${line}`);
    }
    console.error(error);
    process.exitCode = 1;
  } finally {
    await scene.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

class Scene {
  constructor(directory) {
    this.directory = directory;
    this.processes = [];
  }

  /** `millrace serve` with the service's limits, a certificate that it makes itself, and `--dev` for faults. */
  async serve(stream, shardCount) {
    const program = pathOf("../../../packages/millrace/dist/main.js");
    const data = join(this.directory, "data");
    const server = this.start("millrace", process.execPath, [
      program,
      "serve",
      ...["--port", "0", "--data-dir", data, "--tls", "self-signed", "--log-level", "warn"],
      "--dev",
      ...(stream === undefined ? [] : ["--stream", `${stream}:${shardCount}`]),
    ]);
    this.stream = stream;
    this.certificate = join(data, "tls", "cert.pem");
    const line = await server.line(/^ {2}endpoint /);
    [, this.endpoint, this.tlsEndpoint] = /(http:\S+) +(https:\S+)/.exec(line);
    this.client = createKinesisClient({
      endpoint: this.endpoint,
      region: REGION,
      credentials: { accessKeyId: "000000000000", secretAccessKey: "secret" },
      clock,
      random,
    });
  }

  /** The KPL, with settings by the names that its properties file has. It resolves when it takes requests. */
  async startKpl(settings, { stream = this.stream } = {}) {
    const kpl = this.start("KPL", "java", [
      "-Xmx512m",
      "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
      "-jar",
      archive("kpl", "millrace-interop-kpl.jar"),
      ...[this.tlsEndpoint, REGION, stream, "each"],
      ...Object.entries({ TempDirectory: this.directory, ...PATIENT, ...settings }).map(
        ([name, value]) => `${name}=${value}`,
      ),
    ]);
    await kpl.line(/^ready$/);
    return kpl;
  }

  /** Every user record of the stream as the KCL's own de-aggregator takes it out of what is stored. */
  async readByKcl({ stream = this.stream } = {}) {
    const reader = this.start("KCL", "java", [
      "-Xmx512m",
      "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
      "-cp",
      archive("kcl", "3.5.1/millrace-interop-kcl.jar"),
      "io.millrace.interop.kcl.Deaggregate",
      ...[this.endpoint, REGION, stream],
    ]);
    const code = await reader.ended;
    if (code !== 0) throw new Error(`the reader with the KCL ended with ${code}`);
    return reader.lines.map((line) => {
      const [shardId, sequenceNumber, subSequenceNumber, key, explicitHashKey, data] = line.split(" ");
      return {
        shardId,
        sequenceNumber,
        subSequenceNumber: Number(subSequenceNumber),
        partitionKey: fromBase64(key).toString(),
        explicitHashKey: explicitHashKey === "-" ? undefined : explicitHashKey,
        data: fromBase64(data),
      };
    });
  }

  /** The same by `@millrace/consumer`, until it has read every shard to its tip. */
  async readByConsumer() {
    const consumer = createConsumer({
      client: this.client,
      applicationName: "reader",
      streams: [this.stream],
      leaseStore: memoryLeaseStore(),
      clock,
      random,
      retrieval: polling({ idleMs: 250 }),
      parentPollIntervalMs: 100,
    });
    const found = [];
    const { Shards } = await this.client.listShards({ StreamName: this.stream });
    const unread = new Set(Shards.map(({ ShardId }) => ShardId));
    const read = async (shard) => {
      for await (const { records, millisBehindLatest } of shard) {
        for (const { sequenceNumber, subSequenceNumber, partitionKey, explicitHashKey, data } of records) {
          const { shardId } = shard;
          const copied = Buffer.from(data);
          found.push({
            shardId,
            sequenceNumber,
            subSequenceNumber,
            partitionKey,
            explicitHashKey,
            data: copied,
          });
        }
        if (millisBehindLatest === 0) left(shard.shardId);
      }
      left(shard.shardId);
    };
    const left = (shardId) => {
      unread.delete(shardId);
      if (unread.size === 0) void consumer.stop();
    };
    const reading = [];
    for await (const shard of consumer.shards()) reading.push(read(shard));
    await Promise.all(reading);
    return found;
  }

  async addFault(fault) {
    await this.#control("POST", fault);
  }

  /** Faults with how often each has come. */
  async faults() {
    return (await this.#control("GET")).faults;
  }

  async #control(method, body) {
    const response = await fetch(new URL("/_millrace/faults", this.endpoint), {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} faults: ${response.status} ${await response.text()}`);
    return await response.json();
  }

  /** Points of metrics that have come, by name of the metric. */
  async metricPoints(metric) {
    const url = `/_millrace/metrics/points?namespace=KinesisProducerLibrary&metric=${metric}&limit=100000`;
    const { points } = await (await fetch(new URL(url, this.endpoint))).json();
    return points;
  }

  /** Requests that the server has answered, by operation: `{ PutRecords: { OK: 3 } }`. */
  async requestCounts() {
    const text = await (await fetch(new URL("/_millrace/metrics", this.endpoint))).text();
    const counts = {};
    for (const [, operation, code, count] of text.matchAll(
      /millrace_requests_total\{operation="([^"]+)",code="([^"]+)"\} (\d+)/g,
    )) {
      counts[operation] = { ...counts[operation], [code]: Number(count) };
    }
    return counts;
  }

  async until(what, isSo) {
    const beganMs = Date.now();
    while (!(await isSo())) {
      if (Date.now() - beganMs > PATIENCE_MS) throw new Error(`still waiting: ${what}`);
      await sleep(100);
    }
    console.log(`  ${what} (${((Date.now() - beganMs) / 1_000).toFixed(1)} s)`);
  }

  start(name, command, options) {
    const child = spawn(command, options, { stdio: ["pipe", "pipe", "pipe"] });
    const ended = once(child, "close").then(([code]) => code);
    const started = {
      name,
      child,
      lines: [],
      errors: [],
      ended,
      /** The first line from one on that matches; rejects when the process ends before. */
      async line(pattern, from = 0) {
        for (let at = from; ; at += 1) {
          while (at >= started.lines.length) {
            const next = await Promise.race([once(output, "line"), ended]);
            if (!Array.isArray(next) && at >= started.lines.length) {
              throw new Error(`${name} ended with ${next} before it said ${pattern}`);
            }
          }
          if (pattern.test(started.lines[at])) return started.lines[at];
        }
      },
      say(line) {
        child.stdin.write(`${line}\n`);
      },
      async stop() {
        child.stdin.end();
        return await ended;
      },
    };
    const output = createInterface({ input: child.stdout });
    output.on("line", (line) => started.lines.push(line));
    createInterface({ input: child.stderr }).on("line", (line) => started.errors.push(line));
    child.on("error", (error) => started.errors.push(error.message));
    this.processes.push(started);
    return started;
  }

  async close() {
    await this.client?.close();
    for (const { child, ended } of this.processes.toReversed()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill("SIGKILL");
      await ended;
    }
  }
}

function fromBase64(text) {
  return text === "-" ? Buffer.alloc(0) : Buffer.from(text, "base64");
}
