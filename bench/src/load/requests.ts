/** Requests as bytes, head and body in one piece: what the generator sends again and again. */
import { createHash } from "node:crypto";
import { kinesis } from "@millrace/api";
import { seededRandom } from "@millrace/runtime";
import { encodeRequest, sign, signingKey } from "@millrace/wire";
import type { LoadPlan } from "./plan.ts";
import { RecordDigest } from "./record-digest.ts";

export interface PreparedRequest {
  readonly bytes: Buffer;
  readonly recordCount: number;
  /** Data and keys. */
  readonly recordBytes: number;
  readonly digest: RecordDigest;
}

/** Prepared requests take no more memory than about this; they are sent in turn. */
const PREPARED_BYTES_MAX = 64 << 20;
const DATA_POOL_BYTES = 1 << 20;
/** No secret: nobody is kept out by them. */
const CREDENTIALS = { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "bench" };
const REGION = "us-east-1";

type Operations = (typeof kinesis)["operations"];

/** Encodes and signs requests to one endpoint. */
export class RequestWriter {
  readonly #host: string;
  readonly #protocol: "json" | "cbor";
  readonly #dateMs = Date.now();
  readonly #key: Uint8Array;

  constructor({ endpoint, protocol }: Pick<LoadPlan, "endpoint" | "protocol">) {
    this.#host = new URL(endpoint).host;
    this.#protocol = protocol;
    const day = new Date(this.#dateMs).toISOString().slice(0, 10).replaceAll("-", "");
    this.#key = signingKey(CREDENTIALS.secretAccessKey, day, REGION, kinesis.name);
  }

  /** Prepares a request. Takes what `encodeRequest` of the contract takes. */
  write<Name extends keyof Operations & string>(
    operation: Name,
    input: Parameters<typeof encodeRequest<typeof kinesis, Name>>[2],
  ): Buffer {
    const { method, path, headers: own, body } = encodeRequest(kinesis, operation, input, this.#protocol);
    const bytes = Buffer.concat(body);
    const headers: Record<string, string> = { host: this.#host, ...own };
    const signing = sign({
      method,
      path,
      headers,
      bodySha256: createHash("sha256").update(bytes).digest("hex"),
      credentials: CREDENTIALS,
      region: REGION,
      service: kinesis.name,
      dateMs: this.#dateMs,
      key: this.#key,
    });
    const lines = Object.entries({ ...headers, ...signing, "content-length": String(bytes.length) });
    const head = `${method} ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
    return Buffer.concat([Buffer.from(head, "latin1"), bytes]);
  }
}

/** The requests of a plan that puts records: every key occurs once, or as many as memory allows. */
export function preparePuts(plan: LoadPlan): PreparedRequest[] {
  const { operation, streamName, recordBytes, partitionKeys = { count: 1_000, seed: 1 } } = plan;
  const writer = new RequestWriter(plan);
  const recordsPerRequest = operation === "PutRecords" ? (plan.recordsPerRequest ?? 500) : 1;
  const random = seededRandom(partitionKeys.seed);
  const pool = Buffer.from(random.bytes(DATA_POOL_BYTES + recordBytes));
  const requestBytes =
    recordsPerRequest * (recordBytes * (plan.protocol === "json" ? 4 / 3 : 1) + 100) + 1_000;
  const requestCount = Math.max(
    1,
    Math.min(
      Math.ceil(partitionKeys.count / recordsPerRequest),
      Math.floor(PREPARED_BYTES_MAX / requestBytes),
      plan.requests ?? Infinity,
    ),
  );
  return Array.from({ length: requestCount }, (_, requestIndex) => {
    const digest = new RecordDigest();
    let bytes = 0;
    const records = Array.from({ length: recordsPerRequest }, (__, recordIndex) => {
      const keyIndex = (requestIndex * recordsPerRequest + recordIndex) % partitionKeys.count;
      const PartitionKey = `key-${String(keyIndex).padStart(8, "0")}`;
      const start = random.below(DATA_POOL_BYTES);
      const Data = pool.subarray(start, start + recordBytes);
      digest.add(PartitionKey, Data);
      bytes += PartitionKey.length + Data.length;
      return { PartitionKey, Data };
    });
    return {
      bytes:
        operation === "PutRecords"
          ? writer.write("PutRecords", { StreamName: streamName, Records: records })
          : writer.write("PutRecord", { StreamName: streamName, ...records[0]! }),
      recordCount: records.length,
      recordBytes: bytes,
      digest,
    };
  });
}
