/**
 * `POST /_millrace/import/…`: copies of streams from elsewhere, for `millrace migrate`. Each body is JSON that names the copy
 * (`accountId`, `region`, `stream`, `source`) and says what its step needs; see `Imports` of the streams.
 *
 * Only with `--allow-import`, and from this machine: a copier says when records arrived and which numbers they have, and no
 * limit of the service counts for it. Nobody should be able to do that to a server by accident, or for longer than it takes.
 */
import { ImportError } from "@millrace/streams";
import type {
  ImportedRecord,
  ImportedSettings,
  ImportedShard,
  Imports,
  NumbersWanted,
  ShardProgress,
} from "@millrace/streams";
import type { WireRequest, WireResponse } from "@millrace/wire";
import { strangerReason } from "./guard.ts";
import { errorAnswer, jsonAnswer } from "./json-answer.ts";

export interface ImportOptions {
  readonly allowed: boolean;
  readonly imports: Imports;
}

export async function importRoute(
  request: WireRequest,
  path: string,
  { allowed, imports }: ImportOptions,
): Promise<WireResponse> {
  const denial = allowed
    ? strangerReason(request)
    : "Streams can be copied into this server only when it was started with --allow-import.";
  if (denial !== undefined) return errorAnswer(403, "AccessDeniedException", denial);
  const step = path.slice("/_millrace/import/".length);
  if (request.method !== "POST" || !isStep(step)) {
    return errorAnswer(
      404,
      "ResourceNotFoundException",
      `There is nothing for ${request.method} at ${path}.`,
    );
  }
  try {
    return jsonAnswer(200, await STEPS[step](imports, bodyOf(request)));
  } catch (error) {
    if (error instanceof WrongBody) return errorAnswer(400, "ValidationException", error.message);
    if (error instanceof ImportError) {
      const [status, type] = ANSWERS[error.kind];
      return errorAnswer(status, type, error.message);
    }
    throw error;
  }
}

const ANSWERS = {
  missing: [404, "ResourceNotFoundException"],
  conflict: [409, "ConflictException"],
  impossible: [400, "ValidationException"],
  unkept: [400, "NumbersNotKeptException"],
  unavailable: [503, "ServiceUnavailableException"],
} as const satisfies Record<ImportError["kind"], readonly [number, string]>;

const STEPS = {
  begin: (imports, body) => imports.begin(nameOf(body), settingsOf(body), shardsOf(body), numbersOf(body)),
  records: async (imports, body) => {
    await imports.append(
      nameOf(body),
      text(body, "shardId"),
      optionalText(body, "after"),
      list(body, "records").map(recordOf),
    );
    return {};
  },
  digest: (imports, body) =>
    imports.digest(nameOf(body), text(body, "shardId"), text(body, "from"), text(body, "to")),
  finish: async (imports, body) => {
    await imports.finish(nameOf(body), shardsOf(body), list(body, "progress").map(progressOf));
    return {};
  },
  pairs: (imports, body) =>
    imports.numberPairs(nameOf(body), text(body, "shardId"), optionalText(body, "after")),
  translate: (imports, body) => imports.translate(nameOf(body), text(body, "shardId"), text(body, "number")),
} as const satisfies Record<string, (imports: Imports, body: Members) => Promise<object>>;

function isStep(step: string): step is keyof typeof STEPS {
  return Object.hasOwn(STEPS, step);
}

type Members = Readonly<Record<string, unknown>>;

class WrongBody extends Error {}

function bodyOf({ body }: WireRequest): Members {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(body).toString("utf8"));
  } catch {
    throw new WrongBody("The body is not JSON.");
  }
  return membersOf(value, "the body");
}

function nameOf(body: Members) {
  return {
    accountId: text(body, "accountId", /^\d{12}$/),
    region: text(body, "region", /^[a-z0-9-]{1,64}$/),
    name: text(body, "stream", /^[\w.-]{1,128}$/),
    source: text(body, "source"),
  };
}

function numbersOf(body: Members): NumbersWanted {
  const numbers = optionalText(body, "numbers") ?? "kept";
  if (numbers === "kept" || numbers === "kept-if-possible" || numbers === "new") return numbers;
  throw new WrongBody("numbers must be kept, kept-if-possible or new.");
}

function settingsOf(body: Members): ImportedSettings {
  const settings = membersOf(body["settings"], "settings");
  const mode = text(settings, "mode", /^(?:PROVISIONED|ON_DEMAND)$/) as ImportedSettings["mode"];
  const keyId = optionalText(settings, "keyId");
  const tags = membersOf(settings["tags"], "tags");
  return {
    createdMs: number(settings, "createdMs"),
    mode,
    retentionHours: number(settings, "retentionHours"),
    ...(settings["maxRecordSizeKiB"] === undefined
      ? {}
      : { maxRecordSizeKiB: number(settings, "maxRecordSizeKiB") }),
    ...(settings["recordDistribution"] === undefined
      ? {}
      : {
          recordDistribution: text(
            settings,
            "recordDistribution",
            /^(?:AUTO|USER_PARTITION_KEY)$/,
          ) as NonNullable<ImportedSettings["recordDistribution"]>,
        }),
    ...(keyId === undefined ? {} : { keyId }),
    shardLevelMetrics: list(settings, "shardLevelMetrics").map(String),
    tags: Object.fromEntries(Object.keys(tags).map((key) => [key, text(tags, key)])),
  };
}

function shardsOf(body: Members): ImportedShard[] {
  return list(body, "shards").map((value) => {
    const shard = membersOf(value, "a shard");
    const endingSequenceNumber = optionalText(shard, "endingSequenceNumber");
    return {
      shardId: text(shard, "shardId"),
      parentShardIds: list(shard, "parentShardIds").map(String),
      startingHashKey: text(shard, "startingHashKey"),
      endingHashKey: text(shard, "endingHashKey"),
      startingSequenceNumber: text(shard, "startingSequenceNumber"),
      ...(endingSequenceNumber === undefined ? {} : { endingSequenceNumber }),
    };
  });
}

function recordOf(value: unknown): ImportedRecord {
  const record = membersOf(value, "a record");
  const key = optionalText(record, "key");
  const data = text(record, "data");
  // What is no base64 is skipped by the decoder, and would be lost without a word.
  if (data.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(data))
    throw new WrongBody("Data is not base64.");
  return {
    sequenceNumber: text(record, "sequenceNumber"),
    arrivalMs: number(record, "arrivalMs"),
    key: key === undefined ? undefined : Buffer.from(key, "utf8"),
    data: Buffer.from(data, "base64"),
  };
}

function progressOf(value: unknown): ShardProgress {
  const progress = membersOf(value, "the progress of a shard");
  return {
    shardId: text(progress, "shardId"),
    lastSequenceNumber: optionalText(progress, "lastSequenceNumber"),
  };
}

function membersOf(value: unknown, what: string): Members {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Members;
  throw new WrongBody(`${what} must be an object.`);
}

function text(members: Members, name: string, form?: RegExp): string {
  const value = members[name];
  if (typeof value === "string" && (form?.test(value) ?? true)) return value;
  throw new WrongBody(`${name} must be text${form === undefined ? "" : " of its form"}.`);
}

function optionalText(members: Members, name: string): string | undefined {
  return members[name] === undefined ? undefined : text(members, name);
}

function number(members: Members, name: string): number {
  const value = members[name];
  if (Number.isSafeInteger(value)) return value as number;
  throw new WrongBody(`${name} must be a whole number.`);
}

function list(members: Members, name: string): unknown[] {
  const value = members[name];
  if (Array.isArray(value)) return value;
  throw new WrongBody(`${name} must be a list.`);
}
