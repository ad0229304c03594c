/**
 * A ceiling as a process: `main.js KIND PORT UPSTREAM [OPTION]`. It serves until SIGTERM.
 *
 * - `replay`, option: operations by comma. Same listener as Millrace; answers what the upstream answered.
 * - `decode`, option: how many shards the stream has. Same listener; scans, decodes, hashes, answers.
 * - `http2`, option: operations by comma. A bare `node:http2` server that answers what the upstream answered.
 */
import { createServer } from "node:http2";
import { MemoryBudget, nodeRuntime } from "@millrace/runtime";
import { listen } from "@millrace/wire";
import type { WireService } from "@millrace/wire";
import { decode } from "./decode.ts";
import type { Answer, Asked } from "./exchange.ts";
import { replay } from "./replay.ts";

const MEMORY_BYTES = 2 ** 30;

type Answering = (asked: Asked) => Answer | Promise<Answer>;

const [kind = "", portText = "", upstream = "", option = ""] = process.argv.slice(2);
const port = Number(portText);

switch (kind) {
  case "replay":
    await serveOnListener(replay(upstream, new Set(option.split(","))));
    break;
  case "decode":
    await serveOnListener(decode(upstream, Number(option)));
    break;
  case "http2":
    serveOnBareHttp2(replay(upstream, new Set(option.split(","))));
    break;
  default:
    throw new Error(`there is no ceiling "${kind}"`);
}
process.on("SIGTERM", () => process.exit(0));

async function serveOnListener(answer: Answering): Promise<void> {
  const { clock, log } = nodeRuntime({ logLevel: "warn" });
  const service: WireService = (request) => Promise.resolve(answer(request));
  await listen(service, { host: "127.0.0.1", port, memory: new MemoryBudget(MEMORY_BYTES), clock, log });
}

/** What one writes who wants nothing but to read requests and answer them. */
function serveOnBareHttp2(answer: Answering): void {
  const server = createServer();
  server.on("stream", (stream, headers) => {
    const pieces: Buffer[] = [];
    // A client that leaves early is no failure of the server.
    stream.on("error", () => {});
    stream.on("data", (piece: Buffer) => pieces.push(piece));
    stream.on("end", () => {
      const body = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
      const answered = answer({ headers: headers as Record<string, string>, body });
      if (answered instanceof Promise) answered.then(respond, () => stream.close());
      else respond(answered);
    });
    const respond = (answered: Answer) => {
      stream.respond({
        ":status": answered.status,
        ...answered.headers,
        "content-length": answered.body.length,
      });
      stream.end(answered.body);
    };
  });
  server.listen(port, "127.0.0.1");
}
