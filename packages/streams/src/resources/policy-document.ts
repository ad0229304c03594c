/** The grammar of a resource policy, as far as it is checked before it is kept. */

const VERSIONS = new Set(["2008-10-17", "2012-10-17"]);
const POLICY_MEMBERS = new Set(["Version", "Id", "Statement"]);
const STATEMENT_MEMBERS = new Set([
  "Sid",
  "Effect",
  "Principal",
  "NotPrincipal",
  "Action",
  "NotAction",
  "Resource",
  "NotResource",
  "Condition",
]);

/**
 * What is wrong with a policy, as the end of a sentence; undefined when nothing is. Checks the grammar of
 * the IAM user guide ("Grammar of the IAM JSON policy language"), not whether principals exist.
 */
export function policyFault(text: string): string | undefined {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return "it is not valid JSON";
  }
  if (!isPlainObject(document)) return "it is not a JSON object";
  const unknown = Object.keys(document).find((member) => !POLICY_MEMBERS.has(member));
  if (unknown !== undefined) return `${unknown} is no element of a policy`;
  const { Version: version, Statement: statement } = document;
  if (version !== undefined && !VERSIONS.has(version as string)) {
    return "its Version is neither 2012-10-17 nor 2008-10-17";
  }
  const statements = Array.isArray(statement) ? (statement as unknown[]) : [statement];
  if (statement === undefined || statements.length === 0) return "it has no Statement";
  for (const each of statements) {
    const fault = statementFault(each);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function statementFault(statement: unknown): string | undefined {
  if (!isPlainObject(statement)) return "a Statement is not a JSON object";
  const unknown = Object.keys(statement).find((member) => !STATEMENT_MEMBERS.has(member));
  if (unknown !== undefined) return `${unknown} is no element of a Statement`;
  const { Effect: effect, Condition: condition } = statement;
  if (effect !== "Allow" && effect !== "Deny") return "the Effect of a Statement is neither Allow nor Deny";
  for (const element of ["Principal", "Action", "Resource"]) {
    const positive = statement[element];
    const negative = statement[`Not${element}`];
    if ((positive === undefined) === (negative === undefined)) {
      return `a Statement must have either ${element} or Not${element}`;
    }
    const value = positive ?? negative;
    const isRight = element === "Principal" ? isPrincipal(value) : isText(value);
    if (!isRight) return `the ${element} of a Statement is malformed`;
  }
  if (condition !== undefined && !isPlainObject(condition))
    return "the Condition of a Statement is malformed";
  return undefined;
}

/** `"*"`, or lists of principals by their kind. */
function isPrincipal(value: unknown): boolean {
  return (
    value === "*" ||
    (isPlainObject(value) && Object.keys(value).length > 0 && Object.values(value).every(isText))
  );
}

/** One text or a list of them. */
function isText(value: unknown): boolean {
  const texts: unknown[] = Array.isArray(value) ? value : [value];
  return texts.length > 0 && texts.every((text) => typeof text === "string" && text !== "");
}

function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
