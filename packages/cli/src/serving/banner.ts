export interface BannerFacts {
  /** `http://127.0.0.1:4566`, and the `https` one when there is TLS. */
  readonly urls: readonly string[];
  /** Undefined where records are not kept on this machine. */
  readonly dataDir: string | undefined;
  readonly durability: "fsync" | "memory" | "cluster";
  readonly dev: boolean;
  readonly limits: "aws" | "off";
  /** Streams made at start. */
  readonly streamNames: readonly string[];
  /** By which clients can trust the server; undefined without TLS. */
  readonly certPath: string | undefined;
  readonly version: string;
  readonly startedInMs: number;
  readonly color: boolean;
}

/** What stands on the screen when the server is ready: where it is, what it promises, three lines to copy. */
export function banner(facts: BannerFacts): string {
  const bold = (text: string) => (facts.color ? `\u001b[1m${text}\u001b[0m` : text);
  const loud = (text: string) => (facts.color ? `\u001b[1;31m${text}\u001b[0m` : text);
  const url = facts.urls[0] ?? "";
  const stream = facts.streamNames[0] ?? "clicks";
  const endpoint = url === "http://127.0.0.1:4566" ? "" : ` --endpoint ${url}`;
  // Any credentials will do, but the AWS CLI does not move without some.
  const aws = `AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any aws --endpoint-url ${url} --region us-east-1 kinesis`;
  const durability = {
    fsync: "fsync: what is acknowledged survives a power cut",
    cluster: "cluster: what is acknowledged is synced in two of three zones",
    memory: loud("MEMORY: NOTHING IS KEPT. Everything is lost when this process ends"),
  }[facts.durability];
  const lines = [
    `${bold("Millrace")} ${facts.version} is ready in ${Math.round(facts.startedInMs)} ms`,
    "",
    `  endpoint    ${facts.urls.map(bold).join("  ")}`,
    ...(facts.durability === "fsync" ? [`  data        ${facts.dataDir ?? ""}`] : []),
    `  durability  ${durability}`,
    ...(facts.certPath === undefined ? [] : [`  certificate ${facts.certPath}`]),
    ...(facts.limits === "off" ? ["  limits      off: nothing is throttled as AWS would"] : []),
    ...(facts.dev
      ? [
          facts.durability === "cluster"
            ? "  dev         on: faults can be injected"
            : "  dev         on: the clock can be moved and faults injected",
        ]
      : []),
    "",
    facts.streamNames.length === 0
      ? `  ${aws} create-stream --stream-name ${stream} --shard-count 2`
      : `  ${aws} describe-stream-summary --stream-name ${stream}`,
    `  echo hello | millrace put ${stream}${endpoint}`,
    `  millrace tail ${stream} --from trim-horizon${endpoint}`,
    "",
  ];
  return `${lines.join("\n")}\n`;
}

export interface PortTaken {
  readonly host: string;
  readonly port: number;
  readonly platform: string;
}

/** Who it may be, how to find out, and what to do. */
export function explainPortTaken({ host, port, platform }: PortTaken): string {
  const who =
    port === 4566
      ? "It may be another Millrace, or LocalStack, which uses the same port."
      : "Another program listens there.";
  const find =
    platform === "win32"
      ? `netstat -ano | findstr :${port}`
      : platform === "linux"
        ? `ss -ltnp 'sport = :${port}'`
        : `lsof -nP -iTCP:${port} -sTCP:LISTEN`;
  return [
    `port ${port} of ${host} is taken. ${who}`,
    `\`${find}\` tells which. To use another port: millrace serve --port ${port === 65_535 ? port - 1 : port + 1}, or --port 0 for any free one.`,
  ].join("\n");
}
