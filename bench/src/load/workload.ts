/** What to send next, and what an answer means: puts that repeat, and readers that follow their shards. */
import { kinesis } from "@millrace/api";
import { decodeError, decodeResponse } from "@millrace/wire";
import type { AnswerHead } from "./answer-reader.ts";
import type { LoadPlan } from "./plan.ts";
import { RecordDigest } from "./record-digest.ts";
import { type PreparedRequest, preparePuts, RequestWriter } from "./requests.ts";
import { failedRecordCountOf, firstErrorCodeOf, readAnswerOf } from "./scan-answer.ts";

/** A request on its way. */
export interface Step {
  readonly bytes: Buffer;
}

export type Outcome =
  | {
      readonly kind: "success";
      readonly records: number;
      readonly bytes: number;
      readonly digest: RecordDigest | undefined;
    }
  | { readonly kind: "error"; readonly code: string; readonly text: string };

/** A sequence of requests of which each can depend on the answer before it. */
export interface Lane<S extends Step = Step> {
  /** Undefined when there is nothing more to do. */
  next(): S | undefined;
  outcome(step: S, head: AnswerHead, body: Buffer): Outcome;
}

export interface Workload {
  lane(): Lane;
  /** Whether bodies of successful answers are looked at. */
  readonly readsBodies: boolean;
}

const SAMPLE_CHARACTERS_MAX = 300;

export function putWorkload(plan: LoadPlan): Workload {
  const requests = preparePuts(plan);
  const isBatch = plan.operation === "PutRecords";
  let turn = 0;
  const lane: Lane<PreparedRequest> = {
    next() {
      const request = requests[turn % requests.length];
      turn += 1;
      return request;
    },
    outcome(request, head, body) {
      if (head.status !== 200) return errorOf(head, body);
      if (isBatch && failedRecordCountOf(body, plan.protocol) > 0) {
        return {
          kind: "error",
          code: firstErrorCodeOf(body, plan.protocol),
          text: `${failedRecordCountOf(body, plan.protocol)} of ${request.recordCount} records failed: ${sampleOf(body)}`,
        };
      }
      return {
        kind: "success",
        records: request.recordCount,
        bytes: request.recordBytes,
        digest: request.digest,
      };
    },
  };
  return { lane: () => lane as Lane, readsBodies: isBatch };
}

/** Readers take shards in turn: each reads one from its start to its tip, then the next that nobody has begun. */
export function getWorkload(plan: LoadPlan, shardIterators: readonly string[]): Workload {
  const { protocol, recordBytes, recordsPerRequest, passes = Infinity, check = "answers" } = plan;
  const writer = new RequestWriter(plan);
  const request = (iterator: string): Step => ({
    bytes: writer.write("GetRecords", {
      ShardIterator: iterator,
      ...(recordsPerRequest === undefined ? {} : { Limit: recordsPerRequest }),
    }),
  });
  const starts = shardIterators.map(request);
  let begun = 0;
  const begin = (): Step | undefined => {
    if (begun >= passes * starts.length) return undefined;
    begun += 1;
    return starts[(begun - 1) % starts.length];
  };
  const lane = (): Lane => {
    let following: string | undefined;
    return {
      next: () => (following === undefined ? begin() : request(following)),
      outcome(_step, head, body) {
        following = undefined;
        if (head.status !== 200) return errorOf(head, body);
        const { recordCount, nextShardIterator, isCaughtUp } = readAnswerOf(body, protocol, recordBytes);
        if (!isCaughtUp) following = nextShardIterator;
        if (check === "answers")
          return {
            kind: "success",
            records: recordCount,
            bytes: recordCount * recordBytes,
            digest: undefined,
          };
        return checkedRecords(head, body, recordCount);
      },
    };
  };
  return { lane, readsBodies: true };
}

function checkedRecords(head: AnswerHead, body: Buffer, scannedCount: number): Outcome {
  const { Records } = decodeResponse(kinesis, "GetRecords", received(head, body));
  if (Records.length !== scannedCount)
    return {
      kind: "error",
      code: "WrongCount",
      text: `${scannedCount} records were found in an answer of ${Records.length}`,
    };
  const digest = new RecordDigest();
  let bytes = 0;
  for (const { PartitionKey = "", Data } of Records) {
    digest.add(PartitionKey, Data);
    bytes += PartitionKey.length + Data.length;
  }
  return { kind: "success", records: Records.length, bytes, digest };
}

/** What an answer that is no success tells. */
export function errorOf(head: AnswerHead, body: Buffer): Outcome & { readonly kind: "error" } {
  return { kind: "error", code: decodeError(received(head, body)).code, text: sampleOf(body) };
}

function sampleOf(body: Buffer): string {
  return body.toString("utf8", 0, SAMPLE_CHARACTERS_MAX);
}

function received({ status, text }: AnswerHead, body: Buffer) {
  const headers: Record<string, string> = {};
  for (const [, name = "", value = ""] of text.matchAll(/\r\n([^:\r]+): *([^\r]*)/g)) {
    headers[name.toLowerCase()] = value;
  }
  return { status, headers, body };
}
