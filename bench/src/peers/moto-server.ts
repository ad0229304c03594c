/** moto's server: Python, in memory. */
import { existsSync, readdirSync } from "node:fs";
import { startServerProcess } from "../servers/server-process.ts";
import { peerPath, pinnedVersion, pythonVersion, whyMissing } from "./installed-peers.ts";
import { listsStreams, type Peer } from "./peer.ts";

const environment = peerPath(".cache/moto");

export function motoServer(): Peer {
  const name = "moto";
  return {
    name,
    version: pinnedVersion(name),
    can: { protocols: ["json"], fanOut: false, http2: false },
    get missing() {
      return whyMissing(name, "moto", () => pythonVersion(name, sitePackages()));
    },
    server: () => ({
      name,
      notes: [],
      start: () =>
        startServerProcess({
          name,
          command: `${environment}/bin/python`,
          args: (port) => ["-m", "moto.server", "-H", "127.0.0.1", "-p", String(port)],
          readyWhen: listsStreams,
        }),
    }),
  };
}

/** Names in `lib/pythonX.Y/site-packages`, whichever Python the environment was made with. */
function sitePackages(): string[] {
  const lib = `${environment}/lib`;
  if (!existsSync(lib)) return [];
  return readdirSync(lib).flatMap((python) => {
    const folder = `${lib}/${python}/site-packages`;
    return existsSync(folder) ? readdirSync(folder) : [];
  });
}
