/** kinesalite: JavaScript, on LevelDB or an imitation of it in memory. */
import { join } from "node:path";
import { scratchDirectory } from "../servers/scratch.ts";
import { startServerProcess } from "../servers/server-process.ts";
import { npmVersion, peerPath, pinnedVersion, whyMissing } from "./installed-peers.ts";
import { listsStreams, type Peer } from "./peer.ts";

const SHARD_LIMIT_DEFAULT = 10;

export function kinesalite(keeps: "in memory" | "on disk"): Peer {
  const name = keeps === "on disk" ? "kinesalite on disk" : "kinesalite";
  return {
    name,
    version: pinnedVersion("kinesalite"),
    can: { protocols: ["json", "cbor"], fanOut: false, http2: false },
    get missing() {
      return whyMissing("kinesalite", "npm", () => npmVersion("kinesalite"));
    },
    server(shardCount) {
      const needsLimit = shardCount > SHARD_LIMIT_DEFAULT;
      return {
        name,
        notes: needsLimit
          ? [`${name}: --shardLimit ${shardCount}, since its default is ${SHARD_LIMIT_DEFAULT}`]
          : [],
        start() {
          const scratch = keeps === "on disk" ? scratchDirectory("kinesalite") : undefined;
          return startServerProcess({
            name,
            command: process.execPath,
            args: (port) => [
              peerPath("node_modules/kinesalite/cli.js"),
              ...["--port", String(port)],
              ...(scratch === undefined ? [] : ["--path", join(scratch.path, "leveldb")]),
              ...(needsLimit ? ["--shardLimit", String(shardCount)] : []),
            ],
            readyWhen: listsStreams,
            onEnd: () => scratch?.remove(),
          });
        },
      };
    },
  };
}
