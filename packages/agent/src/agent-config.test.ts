import { describe, expect, test } from "vitest";
import { AgentConfigError, readAgentConfig } from "./index.ts";

const flow = { filePattern: "/tmp/app.log*", kinesisStream: "clicks" };
const read = (top: object, skipped: string[] = []) =>
  readAgentConfig(JSON.stringify({ flows: [flow], ...top }), skipped);

function problemsOf(top: object): readonly string[] {
  try {
    read(top);
  } catch (failure) {
    if (failure instanceof AgentConfigError) return failure.problems;
  }
  return [];
}

/** What a flow makes of a record. */
function processed(options: object[], record: string): string | undefined {
  const config = read({ flows: [{ ...flow, dataProcessingOptions: options }] });
  return config.flows[0]?.process?.(Buffer.from(record))?.toString();
}

describe("agent.json", () => {
  test("may have comments, empty endpoints and numbers as texts", () => {
    const config = readAgentConfig(`{
      // where to
      "kinesis.endpoint": "", "firehose.endpoint": "", /* the rest */
      "flows": [{ "filePattern": "/tmp/a//b*", "kinesisStream": "clicks", "maxBufferAgeMillis": "5000" }]
    }`);
    expect(config).toMatchObject({
      endpoint: undefined,
      flows: [{ filePattern: "/tmp/a//b*", lingerMs: 5_000 }],
    });
  });

  test("names everything that cannot be honoured, with the reason", () => {
    const problems = problemsOf({
      "cloudwatch.emitMetrics": true,
      assumeRoleARN: "arn",
      speed: 3,
      flows: [
        { ...flow, deliveryStream: "d", maxBufferSizeRecords: 501, colour: "red" },
        {
          filePattern: "/*/x",
          kinesisStream: "s",
          multiLineStartPattern: "\\p{Alpha}",
          fileFooterPattern: "(",
        },
      ],
    });
    expect(problems).toEqual([
      expect.stringContaining("assumeRoleARN: roles are not assumed"),
      expect.stringContaining("cloudwatch.emitMetrics: figures are not sent"),
      expect.stringContaining("flows[0].deliveryStream: delivery streams are not there yet"),
      "flows[0].maxBufferSizeRecords: expected a whole number from 1 to 500",
      "flows[0].colour: no such option is known",
      expect.stringContaining("flows[1].filePattern: patterns stand in the last part"),
      expect.stringContaining("flows[1].multiLineStartPattern: \\p is Java's"),
      expect.stringContaining("flows[1].fileFooterPattern: Invalid regular expression"),
      "speed: no such option is known",
    ]);
  });

  test("goes without what is skipped", () => {
    const top = { "cloudwatch.emitMetrics": true, flows: [{ ...flow, publishQueueCapacity: 10 }] };
    expect(problemsOf(top)).toHaveLength(2);
    expect(read(top, ["cloudwatch.emitMetrics", "publishQueueCapacity"]).flows).toHaveLength(1);
  });

  test.each([
    ["app.log*", ["app.log", "app.log.1"], ["my-app.log", "app.txt"]],
    ["{a,b}-?[0-9].log", ["a-x1.log", "b-y9.log"], ["c-x1.log", "a-x.log"]],
    ["[!.]*+(1)", ["x+(1)"], [".x+(1)", "x1"]],
  ])("means files by the pattern %s", (pattern, yes, no) => {
    const { matches } = read({ flows: [{ ...flow, filePattern: `/logs/${pattern}` }] }).flows[0]!.pattern;
    expect([yes.map(matches), no.map(matches)]).toEqual([yes.map(() => true), no.map(() => false)]);
  });
});

describe("data processing", () => {
  test("makes one line of several, and adds brackets and metadata", () => {
    expect(processed([{ optionName: "SINGLELINE" }], "a \n  b\n c\n")).toBe("abc\n");
    expect(processed([{ optionName: "ADDBRACKETS" }], "a\n")).toBe("{a\n}");
    const metadata = { host: "here" };
    expect(processed([{ optionName: "ADDMETADATA", metadata }], "a\n")).toBe(
      '{"metadata":{"host":"here"},"data":"a"}\n',
    );
  });

  test("splits columns at a pattern; what is missing is null", () => {
    const option = { optionName: "CSVTOJSON", customFieldNames: ["a", "b", "c"] };
    expect(processed([option], "1,2\n")).toBe('{"a":"1","b":"2","c":null}\n');
    expect(processed([{ ...option, delimiter: "\\t" }], "1\t\t3\t4\n")).toBe('{"a":"1","b":"","c":"3"}\n');
    expect(processed([{ ...option, jsonFormat: "PRETTYPRINT" }], "1,,\n")).toBe(
      '{\n  "a": "1",\n  "b": null,\n  "c": null\n}\n',
    );
  });

  test.each([
    [
      "COMMONAPACHELOG",
      '64.242.88.10 - ana [07/Mar/2004:16:10:02 -0800] "GET /x HTTP/1.1" 200 -\n',
      {
        host: "64.242.88.10",
        ident: null,
        authuser: "ana",
        datetime: "07/Mar/2004:16:10:02 -0800",
        request: "GET /x HTTP/1.1",
        response: "200",
        bytes: null,
      },
    ],
    [
      "COMBINEDAPACHELOG",
      'h - - [07/Mar/2004:16:10:02 -0800] "GET / HTTP/1.1" 200 12 "-" "curl/8"\n',
      { host: "h", authuser: null, bytes: "12", referer: null, agent: "curl/8" },
    ],
    [
      "APACHEERRORLOG",
      "[Fri Sep 09 10:42:29.902022 2011] [core:error] [pid 35708:tid 43] [client 72.15.99.187] File missing\n",
      { module: "core", severity: "error", processid: "35708", threadid: "43", message: "File missing" },
    ],
    [
      "SYSLOG",
      "Mar 12 12:01:02 server4 snort[123]: Ports: 80\n",
      {
        timestamp: "Mar 12 12:01:02",
        hostname: "server4",
        program: "snort",
        processid: "123",
        message: "Ports: 80",
      },
    ],
    [
      "RFC3339SYSLOG",
      "2014-03-12T12:11:39.123Z server4 sshd: hello\n",
      { timestamp: "2014-03-12T12:11:39.123Z", program: "sshd", processid: null, message: "hello" },
    ],
  ])("reads %s, and leaves out what is none", (logFormat, line, fields) => {
    const option = { optionName: "LOGTOJSON", logFormat };
    expect(JSON.parse(processed([option], line) ?? "null")).toMatchObject(fields);
    expect(processed([option], "something else\n")).toBeUndefined();
  });

  test("takes patterns and names of one's own", () => {
    const option = {
      optionName: "LOGTOJSON",
      logFormat: "COMMONAPACHELOG",
      matchPattern: "(\\d+) (.*)",
      customFieldNames: ["id", "text"],
    };
    expect(processed([option], "12 hello\n")).toBe('{"id":"12","text":"hello"}\n');
    expect(
      problemsOf({ flows: [{ ...flow, dataProcessingOptions: [{ ...option, customFieldNames: ["id"] }] }] }),
    ).toEqual(["flows[0].dataProcessingOptions[0]: 2 groups match, but there are names for 1"]);
    expect(
      problemsOf({ flows: [{ ...flow, dataProcessingOptions: [{ optionName: "ADDEC2METADATA" }] }] }),
    ).toHaveLength(1);
  });
});
