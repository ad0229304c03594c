import type { Command } from "../command.ts";
import { agentRun, agentStatus } from "./agent.ts";
import { clock, clockAdvance } from "./clock.ts";
import { clusterCheck, clusterStatus } from "./cluster.ts";
import { dataBackup, dataRestore } from "./data-backup.ts";
import { dataRepair, dataStat, dataVerify } from "./data.ts";
import { faultAdd, faultClear, faultLs } from "./fault.ts";
import { migrate } from "./migrate.ts";
import { put } from "./put.ts";
import { serve } from "./serve.ts";
import { streamCreate } from "./stream-create.ts";
import { streamDescribe } from "./stream-describe.ts";
import { streamLs } from "./stream-ls.ts";
import { streamDelete, streamMerge, streamScale, streamSplit } from "./stream-reshard.ts";
import { get, tail } from "./tail.ts";
import { version } from "./version.ts";

/** Every command, in the order in which help lists them. */
export const COMMANDS: readonly Command[] = [
  serve,
  streamCreate,
  streamLs,
  streamDescribe,
  streamSplit,
  streamMerge,
  streamScale,
  streamDelete,
  put,
  tail,
  get,
  agentRun,
  agentStatus,
  clock,
  clockAdvance,
  faultAdd,
  faultLs,
  faultClear,
  dataVerify,
  dataStat,
  dataBackup,
  dataRestore,
  dataRepair,
  clusterCheck,
  clusterStatus,
  migrate,
  version,
];
