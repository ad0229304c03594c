/** ferrokinesis: Rust, on all cores, in memory. */
import { startServerProcess } from "../servers/server-process.ts";
import { cargoVersion, peerPath, pinnedVersion, whyMissing } from "./installed-peers.ts";
import { listsStreams, type Peer } from "./peer.ts";

const SHARD_LIMIT_DEFAULT = 10;

const root = peerPath(".cache/ferrokinesis");

export function ferrokinesis(): Peer {
  const name = "ferrokinesis";
  return {
    name,
    version: pinnedVersion(name),
    can: { protocols: ["json", "cbor"], fanOut: true, http2: true },
    get missing() {
      return whyMissing(name, "ferrokinesis", () => cargoVersion(name, root));
    },
    server(shardCount) {
      const needsLimit = shardCount > SHARD_LIMIT_DEFAULT;
      return {
        name,
        notes: needsLimit
          ? [`${name}: --shard-limit ${shardCount}, since its default is ${SHARD_LIMIT_DEFAULT}`]
          : [],
        start: () =>
          startServerProcess({
            name,
            command: `${root}/bin/ferrokinesis`,
            args: (port) => [
              ...["--port", String(port)],
              ...(needsLimit ? ["--shard-limit", String(shardCount)] : []),
            ],
            readyWhen: listsStreams,
          }),
      };
    },
  };
}
