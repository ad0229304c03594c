/**
 * `dataProcessingOptions`: what is done to a record before it is put. Each option gives bytes on to the next. What they
 * do is what the Kinesis Agent does, down to the line end behind every result.
 */
import { javaPattern } from "./java-pattern.ts";
import { LOG_FORMATS } from "./log-formats.ts";

/** Undefined when the record is left out: a line that its format does not take, as with the Kinesis Agent. */
export type RecordProcessor = (data: Buffer) => Buffer | undefined;

type Option = Readonly<Record<string, unknown>>;

/** `where` begins the sentences of `problems`. */
export function recordProcessor(
  value: unknown,
  where: string,
  problems: string[],
): RecordProcessor | undefined {
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) {
    problems.push(`${where}: expected a list`);
    return undefined;
  }
  const steps = value.flatMap((option: unknown, index): RecordProcessor[] => {
    const place = `${where}[${index}]`;
    if (typeof option !== "object" || option === null || Array.isArray(option)) {
      problems.push(`${place}: expected an object`);
      return [];
    }
    const step = stepOf(option as Option, place, problems);
    return step === undefined ? [] : [step];
  });
  if (steps.length === 0) return undefined;
  return (data) => {
    let result: Buffer | undefined = data;
    for (const step of steps) {
      result = step(result);
      if (result === undefined) return undefined;
    }
    return result;
  };
}

const MEMBERS: Readonly<Record<string, readonly string[]>> = {
  SINGLELINE: [],
  ADDBRACKETS: [],
  CSVTOJSON: ["customFieldNames", "delimiter", "jsonFormat"],
  LOGTOJSON: ["logFormat", "matchPattern", "customFieldNames", "jsonFormat"],
  // Releases of the Kinesis Agent differ in the name.
  ADDMETADATA: ["metadata", "metadataFields", "jsonFormat"],
};

const REFUSED: Readonly<Record<string, string>> = {
  ADDEC2METADATA: "asks the EC2 instance about itself, which the agent does not do",
  USINGPLUGGIN: "loads a Java class, and there is no Java here",
};

function stepOf(option: Option, place: string, problems: string[]): RecordProcessor | undefined {
  const name = String(option["optionName"]);
  const reason = REFUSED[name];
  if (reason !== undefined) {
    problems.push(`${place}: ${name} ${reason}`);
    return undefined;
  }
  const members = MEMBERS[name];
  if (members === undefined) {
    problems.push(`${place}: optionName ${name} is none of ${Object.keys(MEMBERS).join(", ")}`);
    return undefined;
  }
  const count = problems.length;
  for (const member of Object.keys(option)) {
    if (member !== "optionName" && !members.includes(member)) {
      problems.push(`${place}: ${name} has no option ${member}`);
    }
  }
  const step = makeStep(name, option, place, problems);
  return problems.length === count ? step : undefined;
}

function makeStep(name: string, option: Option, place: string, problems: string[]): RecordProcessor {
  const print = printerOf(option["jsonFormat"], place, problems);
  switch (name) {
    case "SINGLELINE":
      return (data) =>
        Buffer.from(
          `${data
            .toString("utf8")
            .split("\n")
            .map((line) => line.trim())
            .join("")}\n`,
        );
    case "ADDBRACKETS":
      return (data) => Buffer.concat([Buffer.from("{"), data, Buffer.from("}")]);
    case "ADDMETADATA": {
      const metadata = option["metadata"] ?? option["metadataFields"];
      if (typeof metadata !== "object" || metadata === null) {
        problems.push(`${place}: ADDMETADATA needs metadata, an object`);
      }
      return (data) => print({ metadata, data: withoutLineEnd(data) });
    }
    case "CSVTOJSON":
      return csvStep(option, place, problems, print);
    default:
      return logStep(option, place, problems, print);
  }
}

type Print = (value: object) => Buffer;

function printerOf(format: unknown, place: string, problems: string[]): Print {
  if (format !== undefined && format !== "COMPACT" && format !== "PRETTYPRINT") {
    problems.push(`${place}: jsonFormat is COMPACT or PRETTYPRINT`);
  }
  const indent = format === "PRETTYPRINT" ? 2 : undefined;
  return (value) => Buffer.from(`${JSON.stringify(value, undefined, indent)}\n`);
}

function csvStep(option: Option, place: string, problems: string[], print: Print): RecordProcessor {
  const fieldNames = fieldNamesOf(option["customFieldNames"], place, problems);
  if (fieldNames === undefined) problems.push(`${place}: CSVTOJSON needs customFieldNames, a list of names`);
  const delimiter = patternOf(option["delimiter"] ?? ",", "anywhere", `${place}: delimiter`, problems);
  // Quotes mean nothing: the Kinesis Agent splits at every delimiter, and readers have come to terms with it.
  return (data) => {
    const columns = withoutLineEnd(data).split(delimiter);
    // Java's split leaves out empty columns at the end; they are null then.
    while (columns.length > 1 && columns.at(-1) === "") columns.pop();
    return print(Object.fromEntries((fieldNames ?? []).map((name, at) => [name, columns[at] ?? null])));
  };
}

function logStep(option: Option, place: string, problems: string[], print: Print): RecordProcessor {
  const { logFormat } = option;
  const format = typeof logFormat === "string" ? LOG_FORMATS.get(logFormat) : undefined;
  if (format === undefined) {
    problems.push(`${place}: logFormat is one of ${[...LOG_FORMATS.keys()].join(", ")}`);
    return () => undefined;
  }
  const fieldNames =
    fieldNamesOf(option["customFieldNames"], place, problems) ??
    (option["matchPattern"] === undefined ? format.fieldNames : undefined);
  if (fieldNames === undefined)
    problems.push(`${place}: matchPattern needs customFieldNames, one for each group`);
  const pattern =
    option["matchPattern"] === undefined
      ? format.pattern
      : patternOf(option["matchPattern"], "whole", `${place}: matchPattern`, problems);
  const groupCount = (new RegExp(`${pattern.source}|`).exec("")?.length ?? 1) - 1;
  if (fieldNames !== undefined && fieldNames.length !== groupCount) {
    problems.push(`${place}: ${groupCount} groups match, but there are names for ${fieldNames.length}`);
  }
  return (data) => {
    const groups = pattern.exec(withoutLineEnd(data));
    if (groups === null) return undefined;
    const fields = (fieldNames ?? []).map((name, at): readonly [string, string | null] => {
      const value = groups[at + 1] ?? null;
      return [name, format.dashIsMissing && value === "-" ? null : value];
    });
    return print(Object.fromEntries(fields));
  };
}

function fieldNamesOf(value: unknown, place: string, problems: string[]): readonly string[] | undefined {
  if (value === undefined) return undefined;
  if (Array.isArray(value) && value.length > 0 && value.every((name) => typeof name === "string"))
    return value;
  problems.push(`${place}: customFieldNames is a list of names`);
  return undefined;
}

function patternOf(value: unknown, form: "whole" | "anywhere", place: string, problems: string[]): RegExp {
  try {
    if (typeof value !== "string" || value === "") throw new SyntaxError("expected a regular expression");
    return javaPattern(value, form);
  } catch (failure) {
    problems.push(`${place}: ${failure instanceof Error ? failure.message : String(failure)}`);
    return /$^/;
  }
}

function withoutLineEnd(data: Buffer): string {
  return data.toString("utf8", 0, data.at(-1) === 10 ? data.length - 1 : data.length);
}
