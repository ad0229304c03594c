import { argumentOf, durationFrom, integerOf, isSet, textOf } from "../arguments/values.ts";
import type { Invocation } from "../arguments/command.ts";
import { UsageError } from "../arguments/usage-error.ts";
import type { Command } from "../command.ts";
import { connect, CONNECTION_OPTIONS } from "../connection.ts";
import { formatTable } from "../output/table.ts";
import { JSON_OPTION, printJson, printLines } from "./stream-shared.ts";

const KINDS = ["throttle", "fail", "delay", "drop", "partial"] as const;

/** A fault as the server tells it. */
interface Fault {
  readonly id: number;
  readonly kind: string;
  readonly operation?: string;
  readonly stream?: string;
  readonly shardId?: string;
  readonly share: number;
  readonly count?: number;
  readonly hitCount: number;
}

export const faultAdd: Command = {
  name: "fault add",
  summary: "Let a share of calls fail, so that a client's way of coping can be tested",
  description: "The server must run with --dev. The same seed hits the same calls in the same order.",
  arguments: [{ name: "KIND", description: KINDS.join(", ") }],
  options: [
    {
      name: "operation",
      value: "NAME",
      description: "Only calls of this operation, e.g. PutRecords",
      default: "any",
    },
    { name: "stream", value: "STREAM", description: "Only calls about this stream", default: "any" },
    { name: "shard", value: "SHARD", description: "Only calls and records of this shard", default: "any" },
    {
      name: "share",
      value: "FRACTION",
      description: "This share of the calls, of their records for partial",
      default: "1",
    },
    { name: "count", value: "N", description: "Only so many of them", default: "all" },
    { name: "code", value: "CODE", description: "fail, partial: the error to answer" },
    { name: "delay", value: "DURATION", description: "delay: how long, e.g. 250ms" },
    {
      name: "stage",
      value: "S",
      choices: ["before", "after"],
      description: "drop: before the call is carried out, or after",
      default: "before",
    },
    { name: "seed", value: "N", description: "Chooses another sequence of hits", default: "1" },
    JSON_OPTION,
    ...CONNECTION_OPTIONS,
  ],
  examples: [
    ["millrace fault add throttle --operation PutRecords --share 0.2", "a fifth of the puts is throttled"],
    ["millrace fault add partial --shard shardId-000000000001 --count 10", "ten records of one shard fail"],
    ["millrace fault add drop --stage after --share 0.01", "carried out, but the answer is lost"],
  ],
  async run(world, invocation) {
    const rule = ruleOf(invocation);
    const { control } = await connect(world, invocation);
    const added = (await control("POST", "faults", rule)) as Fault;
    if (isSet(invocation, "json")) printJson(world, added);
    else printLines(world, [`fault ${added.id} is in force; \`millrace fault clear ${added.id}\` ends it`]);
    return 0;
  },
};

export const faultLs: Command = {
  name: "fault ls",
  summary: "List the faults in force and how often they hit",
  arguments: [],
  options: [JSON_OPTION, ...CONNECTION_OPTIONS],
  examples: [],
  async run(world, invocation) {
    const { control } = await connect(world, invocation);
    const { faults } = (await control("GET", "faults")) as { readonly faults: readonly Fault[] };
    if (isSet(invocation, "json")) printJson(world, faults);
    else if (faults.length === 0) printLines(world, ["no faults"]);
    else {
      const header = ["ID", "KIND", "OPERATION", "STREAM", "SHARD", "SHARE", "COUNT", "HITS"];
      const rows = faults.map((fault) => [
        String(fault.id),
        fault.kind,
        fault.operation ?? "any",
        fault.stream ?? "any",
        fault.shardId ?? "any",
        String(fault.share),
        fault.count === undefined ? "all" : String(fault.count),
        String(fault.hitCount),
      ]);
      printLines(world, formatTable(header, rows));
    }
    return 0;
  },
};

export const faultClear: Command = {
  name: "fault clear",
  summary: "End a fault, or all of them",
  arguments: [
    { name: "ID", description: "the number that `fault ls` shows; all faults without it", optional: true },
  ],
  options: [...CONNECTION_OPTIONS],
  examples: [["millrace fault clear", "all of them"]],
  async run(world, invocation) {
    const id = invocation.arguments["ID"];
    if (id !== undefined && !/^\d+$/.test(id)) {
      throw new UsageError(`ID ${id}: expected the number of a fault`, "fault clear");
    }
    const { control } = await connect(world, invocation);
    await control("DELETE", id === undefined ? "faults" : `faults/${id}`);
    printLines(world, [id === undefined ? "no faults are in force" : `fault ${id} is over`]);
    return 0;
  },
};

function ruleOf(invocation: Invocation): object {
  const kind = argumentOf(invocation, "KIND");
  if (!KINDS.some((known) => known === kind)) {
    throw new UsageError(`KIND ${kind}: expected ${KINDS.join(", ")}`, "fault add");
  }
  const delay = textOf(invocation, "delay");
  return {
    kind,
    operation: textOf(invocation, "operation"),
    stream: textOf(invocation, "stream"),
    shardId: textOf(invocation, "shard"),
    share: shareFrom(textOf(invocation, "share")),
    count: integerOf(invocation, "count", 1, Number.MAX_SAFE_INTEGER),
    code: textOf(invocation, "code"),
    delayMs: delay === undefined ? undefined : durationFrom(delay, "--delay"),
    stage: textOf(invocation, "stage"),
    seed: integerOf(invocation, "seed", 0, Number.MAX_SAFE_INTEGER),
  };
}

function shareFrom(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const percent = text.endsWith("%");
  const share = Number(percent ? text.slice(0, -1) : text) / (percent ? 100 : 1);
  if (text === "" || !(share >= 0 && share <= 1)) {
    throw new UsageError(
      `--share ${text}: expected a share from 0 to 1, or a percentage such as 20%`,
      "fault add",
    );
  }
  return share;
}
