/** kinesis-local: the npm form of kinesis-mock, Scala compiled to JavaScript, in memory. */
import { freePort, startServerProcess } from "../servers/server-process.ts";
import { npmVersion, peerPath, pinnedVersion, whyMissing } from "./installed-peers.ts";
import { listsStreams, type Peer } from "./peer.ts";

const SHARD_LIMIT_DEFAULT = 50;

export function kinesisLocal(): Peer {
  const name = "kinesis-local";
  return {
    name,
    version: pinnedVersion(name),
    // It speaks HTTP/2, but breaks it in a way that Node's client, and so the JavaScript SDK, ends the session for.
    can: { protocols: ["json", "cbor"], fanOut: true, http2: false },
    get missing() {
      return whyMissing(name, "npm", () => npmVersion(name));
    },
    server(shardCount) {
      const needsLimit = shardCount > SHARD_LIMIT_DEFAULT;
      return {
        name,
        notes: needsLimit
          ? [`${name}: SHARD_LIMIT=${shardCount}, since its default is ${SHARD_LIMIT_DEFAULT}`]
          : [],
        async start() {
          const port = await freePort();
          const tlsPort = await freePort();
          const running = await startServerProcess({
            name,
            command: process.execPath,
            // It wants to know both ports from its environment, and finds its certificate in its own folder.
            args: () => [peerPath("node_modules/kinesis-local/main.js")],
            env: {
              KINESIS_MOCK_PLAIN_PORT: String(port),
              KINESIS_MOCK_TLS_PORT: String(tlsPort),
              ...(needsLimit ? { SHARD_LIMIT: String(shardCount) } : {}),
            },
            port,
            directory: peerPath("node_modules/kinesis-local"),
            readyWhen: listsStreams,
          });
          // It does not end at SIGTERM, and it keeps nothing that it could lose.
          return { ...running, stop: () => running.kill() };
        },
      };
    },
  };
}
