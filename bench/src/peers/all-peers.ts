import { ferrokinesis } from "./ferrokinesis.ts";
import { kinesalite } from "./kinesalite.ts";
import { kinesisLocal } from "./kinesis-local.ts";
import { motoServer } from "./moto-server.ts";
import type { Peer } from "./peer.ts";

/** Everybody who is measured beside Millrace, in the order of tables. */
export function allPeers(): Peer[] {
  return [kinesalite("in memory"), kinesalite("on disk"), kinesisLocal(), motoServer(), ferrokinesis()];
}
