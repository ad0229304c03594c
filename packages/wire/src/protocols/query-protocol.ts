/**
 * The query protocol: a form goes in (`Action=…&MetricData.member.1.MetricName=…`), XML comes out. The form stands
 * in the body, or in the query of the path.
 */
import type { Members, Operation, Service, ServiceError, Shape } from "@millrace/api";
import { decodeBase64 } from "../base64.ts";
import { booleanOfText, toInstantMs, toInteger } from "../conversions.ts";
import type { WireRequest } from "../exchange.ts";
import { mediaTypeOf } from "../formats.ts";
import { VALUE_COUNT_MAX } from "../limits.ts";
import type { Reply } from "../protocol-answers.ts";
import { malformed, SerializationFault, wrongType } from "../serialization-fault.ts";
import type { Protocol } from "./protocol.ts";

const FORM = "application/x-www-form-urlencoded";

/** The form of a request in the query protocol; undefined when it speaks another. */
export function formOf(request: WireRequest): URLSearchParams | undefined {
  if (request.headers["x-amz-target"] !== undefined) return undefined;
  const start = request.path.indexOf("?");
  const inPath = new URLSearchParams(start < 0 ? "" : request.path.slice(start + 1));
  if (request.method === "GET") return inPath.has("Action") ? inPath : undefined;
  if (mediaTypeOf(request.headers["content-type"]) !== FORM) return undefined;
  const inBody = new URLSearchParams(Buffer.from(request.body).toString("utf8"));
  return inBody.has("Action") ? inBody : inPath;
}

export function queryProtocol(contract: Service): Protocol {
  const { apiVersion, queryErrorCodes, xmlNamespace } = contract;
  return {
    operationNamed(request: WireRequest) {
      const form = formOf(request);
      if (form === undefined) return undefined;
      const version = form.get("Version");
      return version === null || version === apiVersion ? (form.get("Action") ?? "") : undefined;
    },
    decode(request: WireRequest, operation: Operation) {
      const root = treeOf(formOf(request) ?? new URLSearchParams());
      return valueOf(root, operation.input);
    },
    answer(operation: Operation, output: object, requestId: string) {
      const { name } = operation;
      const hasResult = Object.keys(operation.output.members).length > 0;
      const result = hasResult ? element(`${name}Result`, xmlOf(output, operation.output)) : "";
      const metadata = element("ResponseMetadata", element("RequestId", requestId));
      return xmlReply(200, `<${name}Response xmlns="${xmlNamespace}">${result}${metadata}</${name}Response>`);
    },
    refusal(error: ServiceError, _request: WireRequest, requestId: string) {
      const code = queryErrorCodes?.[error.code] ?? FRAMEWORK_CODES[error.code] ?? error.code;
      const told =
        element("Type", error.status < 500 ? "Sender" : "Receiver") +
        element("Code", code) +
        element("Message", escaped(error.message));
      const body = element("Error", told) + element("RequestId", requestId);
      const reply = xmlReply(error.status, `<ErrorResponse xmlns="${xmlNamespace}">${body}</ErrorResponse>`);
      return { ...reply, errorCode: error.code };
    },
  };
}

const FRAMEWORK_CODES: Readonly<Record<string, string>> = {
  AccessDeniedException: "AccessDenied",
  IncompleteSignatureException: "IncompleteSignature",
  InternalFailureException: "InternalFailure",
  MissingAuthenticationTokenException: "MissingAuthenticationToken",
  SerializationException: "MalformedInput",
  UnknownOperationException: "InvalidAction",
};

// Forms to values.

interface Tree {
  text: string | undefined;
  readonly children: Map<string, Tree>;
}

function treeOf(form: URLSearchParams): Tree {
  const root: Tree = { text: undefined, children: new Map() };
  let count = 0;
  for (const [path, text] of form) {
    let tree = root;
    for (const step of path.split(".")) {
      if (++count > VALUE_COUNT_MAX) throw malformed();
      let child = tree.children.get(step);
      if (child === undefined) tree.children.set(step, (child = { text: undefined, children: new Map() }));
      tree = child;
    }
    tree.text = text;
  }
  return root;
}

function valueOf(tree: Tree, shape: Shape): unknown {
  switch (shape.kind) {
    case "structure":
    case "union": {
      const value: Record<string, unknown> = {};
      for (const [name, member] of Object.entries(shape.members as Members)) {
        const child = tree.children.get(name);
        if (child !== undefined) value[name] = valueOf(child, member.shape);
      }
      return value;
    }
    case "list":
      return [...inOrder(tree.children.get("member"))].map((item) => valueOf(item, shape.member));
    case "map": {
      const entries = Object.create(null) as Record<string, unknown>;
      for (const entry of inOrder(tree.children.get("entry"))) {
        const key = entry.children.get("key")?.text;
        const value = entry.children.get("value");
        if (key === undefined || value === undefined)
          throw new SerializationFault("Expected a key and a value");
        entries[key] = valueOf(value, shape.value);
      }
      return entries;
    }
    default:
      return scalarOf(tree.text, shape);
  }
}

/** Items by their numbers, which need not begin at one or be without gaps. */
function inOrder(items: Tree | undefined): Tree[] {
  return [...(items?.children ?? [])]
    .map(([number, item]) => ({ number: Number(number), item }))
    .filter(({ number }) => Number.isInteger(number))
    .sort((left, right) => left.number - right.number)
    .map(({ item }) => item);
}

function scalarOf(text: string | undefined, shape: Shape): unknown {
  if (text === undefined) throw wrongType(shape.kind, "map");
  switch (shape.kind) {
    case "integer":
    case "long":
      return toInteger(numberOf(text, shape.kind), shape.kind);
    case "double":
      return numberOf(text, "double");
    case "boolean":
      return booleanOfText(text);
    case "timestamp": {
      const parsedMs = /^-?\d+(?:\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text);
      if (Number.isNaN(parsedMs)) throw wrongType("timestamp", "string");
      return toInstantMs(parsedMs);
    }
    case "blob": {
      const bytes = decodeBase64(text);
      if (bytes === undefined) throw wrongType("blob", "string");
      return bytes;
    }
    default:
      return text;
  }
}

const NUMBER = /^[+-]?(?:\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|Infinity|NaN)$/;

function numberOf(text: string, kind: "integer" | "long" | "double"): number {
  const number = NUMBER.test(text) ? Number(text) : undefined;
  if (number === undefined || (kind !== "double" && Number.isNaN(number))) throw wrongType(kind, "string");
  return number;
}

// Values to XML.

function xmlOf(value: unknown, shape: Shape): string {
  switch (shape.kind) {
    case "structure":
    case "union":
      return Object.entries(shape.members as Members)
        .map(([name, member]) => {
          const child = (value as Readonly<Record<string, unknown>>)[name];
          return child === undefined || child === null ? "" : element(name, xmlOf(child, member.shape));
        })
        .join("");
    case "list":
      return (value as readonly unknown[])
        .map((item) => element("member", xmlOf(item, shape.member)))
        .join("");
    case "map":
      return Object.entries(value as object)
        .map(([key, item]) =>
          element("entry", element("key", escaped(key)) + element("value", xmlOf(item, shape.value))),
        )
        .join("");
    case "timestamp":
      return new Date(value as number).toISOString();
    case "blob":
      return Buffer.from(value as Uint8Array).toString("base64");
    default:
      return escaped(String(value));
  }
}

function element(name: string, content: string): string {
  return `<${name}>${content}</${name}>`;
}

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

function escaped(text: string): string {
  return text.replaceAll(/[&<>"]/g, (character) => entities[character]!);
}

function xmlReply(status: number, xml: string): Reply {
  return { status, headers: { "Content-Type": "text/xml" }, body: Buffer.from(xml) };
}
