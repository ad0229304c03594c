/** Reads agent.json as it is. Every option is honoured, or refused by name with the reason; none is passed over. */
import { type FlowConfig, readFlow } from "./flow-config.ts";
import { type Members, OptionReader } from "./option-reader.ts";

export interface AgentConfig {
  readonly flows: readonly FlowConfig[];
  /** `kinesis.endpoint`; undefined when it is missing or empty. */
  readonly endpoint: string | undefined;
  readonly accessKeyId: string | undefined;
  readonly secretAccessKey: string | undefined;
  readonly checkpointFile: string | undefined;
  /** How long what is known of a file outlives the file. Default: 7 days. */
  readonly checkpointLifeMs: number;
  /** Requests of one flow at once. Default: 24. */
  readonly requestCountMax: number;
  /** Milliseconds until a request without an answer is tried again. Default: 6,000. */
  readonly requestTimeoutMs: number;
  /** Milliseconds that the end waits for what is under way. Default: 10,000. */
  readonly shutdownTimeoutMs: number;
  /** Milliseconds between two lines of progress. Default: 30,000. */
  readonly reportIntervalMs: number;
}

/** The file cannot be honoured. */
export class AgentConfigError extends Error {
  override readonly name = "AgentConfigError";
  /** One sentence each, beginning with the option's place. */
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join("\n"));
    this.problems = problems;
  }
}

const NO_METRICS =
  "figures are not sent to CloudWatch; false says so, and `millrace agent status` has the figures";
const NO_THREADS = "there are no threads here; maxSendingThreads bounds the requests at once";
const NO_ROLE = "roles are not assumed; give the credentials of one";
const CONNECTIONS = "connections are kept and closed without being asked to";

/** Options that are known, and what cannot be done about them. */
const REFUSED: Readonly<Record<string, string>> = {
  assumeRoleARN: NO_ROLE,
  assumeRoleExternalId: NO_ROLE,
  "userDefinedCredentialsProvider.classname": "this loads a Java class, and there is no Java here",
  "userDefinedCredentialsProvider.location": "this loads a Java class, and there is no Java here",
  maxSendingThreadsPerCore: NO_THREADS,
  sendingThreadsKeepAliveMillis: NO_THREADS,
  sendingThreadsMaxQueueSize: NO_THREADS,
  maxConnections: CONNECTIONS,
  connectionTimeoutMillis: `${CONNECTIONS}; socketTimeoutMillis bounds a request`,
  connectionTTLMillis: CONNECTIONS,
  useTcpKeepAlive: CONNECTIONS,
  "log.file": "the log goes to standard error",
  "log.level": "the log goes to standard error",
};

/** Switches of things that are not done: only off can be honoured. */
const OFF_ONLY: Readonly<Record<string, string>> = {
  "cloudwatch.emitMetrics": NO_METRICS,
  "cloudwatch.tagInstance": NO_METRICS,
  "log.emitMetrics": "figures are not written to the log; `millrace agent status` has them",
  "log.emitInternalMetrics": "figures are not written to the log; `millrace agent status` has them",
  useHttpGzip: "requests are not compressed",
};

/** Where things lie that nothing uses when the above is off: the Kinesis Agent does not look at them either. */
const UNUSED: readonly string[] = [
  "firehose.endpoint",
  "sts.endpoint",
  "cloudwatch.endpoint",
  "cloudwatch.namespace",
  "cloudwatch.metricsBufferTimeMillis",
  "cloudwatch.metricsQueueSize",
];

const DAY_MS = 86_400_000;

/**
 * @param text JSON; comments in the forms of JavaScript may stand in it, as the Kinesis Agent allows.
 * @param skipped names of options to go on without, wherever they stand.
 * @throws {AgentConfigError} with everything that is wrong.
 */
export function readAgentConfig(text: string, skipped: readonly string[] = []): AgentConfig {
  const problems: string[] = [];
  const reader = new OptionReader(parse(text), "", problems, skipped);
  for (const [name, reason] of Object.entries(REFUSED)) reader.refuse(name, reason);
  for (const [name, reason] of Object.entries(OFF_ONLY)) reader.offOnly(name, reason);
  for (const name of UNUSED) reader.take(name);
  const accessKeyId = reader.text("awsAccessKeyId");
  const secretAccessKey = reader.text("awsSecretAccessKey");
  if ((accessKeyId === undefined) !== (secretAccessKey === undefined)) {
    problems.push("awsAccessKeyId and awsSecretAccessKey go together");
  }
  const config = {
    endpoint: reader.text("kinesis.endpoint"),
    accessKeyId,
    secretAccessKey,
    checkpointFile: reader.text("checkpointFile"),
    checkpointLifeMs: (reader.integer("checkpointTimeToLiveDays", 1, 365) ?? 7) * DAY_MS,
    requestCountMax: reader.integer("maxSendingThreads", 1, 1_000) ?? 24,
    requestTimeoutMs: reader.integer("socketTimeoutMillis", 1, 3_600_000) ?? 6_000,
    shutdownTimeoutMs: reader.integer("shutdownTimeoutMillis", 0, 3_600_000) ?? 10_000,
    reportIntervalMs: (reader.integer("log.statusReportingPeriodSeconds", 1, 86_400) ?? 30) * 1_000,
  };
  const given = reader.take("flows");
  if (!Array.isArray(given) || given.length === 0) problems.push("flows: expected a list of at least one");
  const flows = (Array.isArray(given) ? given : []).flatMap((flow: unknown, index) => {
    const read = readFlow(flow, `flows[${index}]`, problems, skipped);
    return read === undefined ? [] : [read];
  });
  for (const [index, { id }] of flows.entries()) {
    if (flows.findIndex((flow) => flow.id === id) !== index) problems.push(`flows: ${id} is there twice`);
  }
  reader.end();
  if (problems.length > 0) throw new AgentConfigError(problems);
  return { ...config, flows };
}

function parse(text: string): Members {
  let value: unknown;
  try {
    value = JSON.parse(withoutComments(text));
  } catch (failure) {
    throw new AgentConfigError([`this is no JSON: ${failure instanceof Error ? failure.message : ""}`]);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new AgentConfigError(["expected an object"]);
  }
  return value as Members;
}

/** Comments outside of strings become blanks. */
function withoutComments(text: string): string {
  return text.replaceAll(/"(?:[^"\\]|\\.)*"|\/\/[^\n]*|\/\*[\s\S]*?\*\//g, (part) =>
    part.startsWith('"') ? part : " ",
  );
}
