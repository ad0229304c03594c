import {
  type CallWait,
  type ClientTransport,
  createDynamoClient,
  createKinesisClient,
  type DynamoClient,
  type KinesisClient,
  type TransportResponse,
} from "@millrace/client";
import type { Invocation, OptionSpec } from "./arguments/command.ts";
import { isSet, textOf } from "./arguments/values.ts";
import { UsageError } from "./arguments/usage-error.ts";
import { CommandFailure } from "./command.ts";
import { PATIENCE_MS, type TellWait, tellWhenSlow, waitTeller } from "./output/waiting.ts";
import type { World } from "./world.ts";

export const DEFAULT_ENDPOINT = "http://127.0.0.1:4566";

const group = "Where to";

/** Options of every command that talks to a server, ours or another. */
export const CONNECTION_OPTIONS: readonly OptionSpec[] = [
  {
    name: "endpoint",
    value: "URL",
    description: "The server; `aws` for AWS itself in the region",
    default: DEFAULT_ENDPOINT,
    variable: "MILLRACE_ENDPOINT, AWS_ENDPOINT_URL_KINESIS or AWS_ENDPOINT_URL",
    group,
  },
  {
    name: "region",
    value: "REGION",
    description: "Region of the stream",
    default: "us-east-1",
    variable: "AWS_REGION or AWS_DEFAULT_REGION",
    group,
  },
  {
    name: "protocol",
    value: "P",
    choices: ["json", "cbor"],
    description: "Form of requests",
    default: "json",
    group,
  },
  {
    name: "http",
    value: "V",
    choices: ["1.1", "2"],
    description: "HTTP version to speak",
    default: "1.1",
    group,
  },
  { name: "ca", value: "FILE", description: "Trust the certificates in this PEM file", group },
  { name: "insecure", description: "Accept any certificate, a self-signed one for instance", group },
];

/** An error that the server's own interface answered with. */
export class ControlFailure extends CommandFailure {
  /** As the answer names it, e.g. `ConflictException`; undefined when it does not. */
  readonly type: string | undefined;

  constructor(message: string, type: string | undefined) {
    super(message);
    this.type = type;
  }
}

export interface Connection {
  readonly endpoint: URL;
  readonly region: string;
  readonly kinesis: KinesisClient;
  /** Tables at the same endpoint. */
  readonly dynamo: DynamoClient;
  /** Says what the program waits for, when that is longer than a second. */
  readonly tellWait: TellWait;
  /** Asks the server's own interface under `/_millrace/`. */
  readonly control: (method: "GET" | "POST" | "DELETE", path: string, body?: object) => Promise<unknown>;
  /** The same where the answer is JSON lines, which come one by one. */
  readonly controlLines: (method: "POST", path: string, body: object) => AsyncIterable<unknown>;
}

/**
 * Connects as the options, the environment and the defaults say, in this order of strength. Credentials come
 * from the environment only; without them requests are not signed, which Millrace accepts and AWS does not.
 */
export async function connect(
  world: World,
  invocation: Invocation,
  defaultProtocol: "json" | "cbor" = "json",
): Promise<Connection> {
  const { environment } = world;
  const region =
    textOf(invocation, "region") ??
    filled(environment["AWS_REGION"]) ??
    filled(environment["AWS_DEFAULT_REGION"]) ??
    "us-east-1";
  const named =
    textOf(invocation, "endpoint") ??
    filled(environment["MILLRACE_ENDPOINT"]) ??
    filled(environment["AWS_ENDPOINT_URL_KINESIS"]) ??
    filled(environment["AWS_ENDPOINT_URL"]) ??
    DEFAULT_ENDPOINT;
  const endpoint = endpointFrom(named, region);
  const authorityFile = textOf(invocation, "ca");
  const tellWait = waitTeller(world);
  const reached = world.transportTo(endpoint, {
    httpVersion: textOf(invocation, "http") === "2" ? "2" : "1.1",
    acceptAnyCertificate: isSet(invocation, "insecure"),
    ...(authorityFile === undefined ? {} : { certificateAuthority: await world.readFile(authorityFile) }),
  });
  const transport: ClientTransport = {
    authority: reached.authority,
    copiesBodies: reached.copiesBodies === true,
    send: (request) =>
      tellWhenSlow(world.clock, tellWait, `${endpoint.origin} has not answered yet`, reached.send(request)),
    close: () => reached.close(),
  };
  const accessKeyId = filled(environment["AWS_ACCESS_KEY_ID"]);
  const secretAccessKey = filled(environment["AWS_SECRET_ACCESS_KEY"]);
  const sessionToken = filled(environment["AWS_SESSION_TOKEN"]);
  const options = {
    transport,
    region,
    clock: world.clock,
    random: world.random,
    attemptCountMax: 10,
    onWait({ operation, failure, elapsedMs, delayMs }: CallWait) {
      if (elapsedMs + delayMs <= PATIENCE_MS) return;
      tellWait(`${operation} is tried again after ${failure.code}: ${failure.message}`);
    },
    ...(accessKeyId === undefined || secretAccessKey === undefined
      ? {}
      : {
          credentials: {
            accessKeyId,
            secretAccessKey,
            ...(sessionToken === undefined ? {} : { sessionToken }),
          },
        }),
  };
  const protocol = (textOf(invocation, "protocol") ?? defaultProtocol) === "cbor" ? "cbor" : "json";
  return {
    endpoint,
    region,
    kinesis: createKinesisClient({ ...options, protocol }),
    dynamo: createDynamoClient(options),
    tellWait,
    async control(method, path, body) {
      const answer = await ask(method, path, body);
      return readControlAnswer(answer.status, await textIn(answer.body));
    },
    async *controlLines(method, path, body) {
      const answer = await ask(method, path, body);
      if (answer.status !== 200) {
        readControlAnswer(answer.status, await textIn(answer.body));
        return;
      }
      let rest = "";
      for await (const piece of answer.body) {
        const lines = (rest + Buffer.from(piece).toString("utf8")).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) yield JSON.parse(line) as unknown;
      }
    },
  };

  function ask(method: string, path: string, body: object | undefined): Promise<TransportResponse> {
    return transport.send({
      method,
      path: `/_millrace/${path}`,
      headers: {
        accept: "application/json",
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      body: body === undefined ? new Uint8Array() : Buffer.from(JSON.stringify(body)),
      signal: world.interrupted,
    });
  }
}

async function textIn(body: AsyncIterable<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of body) pieces.push(piece);
  return Buffer.concat(pieces).toString("utf8");
}

function readControlAnswer(status: number, text: string): unknown {
  let value: unknown;
  try {
    value = text === "" ? {} : JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (status >= 200 && status < 300 && value !== undefined) return value;
  const message =
    typeof value === "object" && value !== null && "message" in value
      ? String(value.message)
      : text.slice(0, 200);
  const type =
    typeof value === "object" && value !== null && "__type" in value ? String(value.__type) : undefined;
  throw new ControlFailure(message === "" ? `the server answered with HTTP status ${status}` : message, type);
}

function endpointFrom(named: string, region: string): URL {
  if (named === "aws") return new URL(`https://kinesis.${region}.amazonaws.com`);
  // `localhost:4566` would be read as the scheme `localhost:`.
  const url = URL.canParse(named) && /^https?:\/\//.test(named) ? new URL(named) : undefined;
  if (url === undefined) {
    throw new UsageError(`--endpoint ${named}: expected a URL such as ${suggestEndpoint(named)}, or aws`);
  }
  return url;
}

function suggestEndpoint(named: string): string {
  return /^[\w.-]+(?::\d+)?$/.test(named) ? `http://${named}` : DEFAULT_ENDPOINT;
}

function filled(value: string | undefined): string | undefined {
  return value === "" ? undefined : value;
}
