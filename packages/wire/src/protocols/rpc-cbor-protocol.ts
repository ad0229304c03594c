/**
 * Smithy's RPC v2 over CBOR: the path names service and operation. Its times are **seconds**, unlike those in
 * the CBOR that Kinesis speaks, so they are turned after decoding.
 */
import { optional, string, structure } from "@millrace/api";
import type { Members, Operation, Service, ServiceError, Shape } from "@millrace/api";
import { toInstantMs } from "../conversions.ts";
import type { WireRequest } from "../exchange.ts";
import { CBOR_FORMAT } from "../formats.ts";
import type { Reply } from "../protocol-answers.ts";
import type { Protocol } from "./protocol.ts";

const ErrorBody = structure({ __type: optional(string()), message: optional(string()) });
const HEADERS = { "Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor" };

/** The service and the operation that a path names. */
export function rpcTarget({
  headers,
  path,
}: WireRequest): { service: string; operation: string } | undefined {
  if (headers["smithy-protocol"] !== "rpc-v2-cbor") return undefined;
  const found = /\/service\/([^/?]+)\/operation\/([^/?]+)$/.exec(path);
  return found === null ? undefined : { service: found[1]!, operation: found[2]! };
}

/** @throws {RangeError} for a contract whose answers hold times, which this does not write. */
export function rpcCborProtocol(contract: Service): Protocol {
  const { targetPrefix, errorNamespace, queryErrorCodes } = contract;
  for (const { name, output } of Object.values(contract.operations)) {
    if (hasTimes(output))
      throw new RangeError(`${name} answers times, which have no form in RPC v2 here yet`);
  }
  return {
    operationNamed(request: WireRequest) {
      const target = rpcTarget(request);
      return target?.service === targetPrefix ? target.operation : undefined;
    },
    decode(request: WireRequest, operation: Operation) {
      // Blobs are views of what is decoded.
      const body = Buffer.from(request.body);
      return fromSeconds(CBOR_FORMAT.decode(body, operation.input), operation.input);
    },
    answer(operation: Operation, output: object): Reply {
      const isSilent = Object.keys(operation.output.members).length === 0;
      const body = isSilent ? [] : CBOR_FORMAT.encode(output as never, operation.output);
      return { status: 200, headers: HEADERS, body };
    },
    refusal(error: ServiceError, { headers }: WireRequest): Reply {
      const { code, message, status } = error;
      const __type = errorNamespace === undefined ? code : `${errorNamespace}#${code}`;
      const fault = `${queryErrorCodes?.[code] ?? code};${status < 500 ? "Sender" : "Receiver"}`;
      return {
        status,
        headers: {
          ...HEADERS,
          ...(headers["x-amzn-query-mode"] === "true" ? { "x-amzn-query-error": fault } : {}),
        },
        body: CBOR_FORMAT.encode({ __type, message }, ErrorBody),
        errorCode: code,
      };
    },
  };
}

function fromSeconds(value: unknown, shape: Shape): unknown {
  if (value === undefined) return undefined;
  switch (shape.kind) {
    case "timestamp":
      return toInstantMs((value as number) * 1000);
    case "list":
      return (value as readonly unknown[]).map((item) => fromSeconds(item, shape.member));
    case "structure":
    case "union":
      return Object.fromEntries(
        Object.entries(value as object).map(([name, item]) => [
          name,
          fromSeconds(item, (shape.members as Members)[name]!.shape),
        ]),
      );
    case "map": {
      const entries = Object.create(null) as Record<string, unknown>;
      for (const [key, item] of Object.entries(value as object))
        entries[key] = fromSeconds(item, shape.value);
      return entries;
    }
    default:
      return value;
  }
}

function hasTimes(shape: Shape): boolean {
  switch (shape.kind) {
    case "timestamp":
      return true;
    case "list":
      return hasTimes(shape.member);
    case "map":
      return hasTimes(shape.value);
    case "structure":
    case "union":
      return Object.values(shape.members as Members).some((member) => hasTimes(member.shape));
    default:
      return false;
  }
}
