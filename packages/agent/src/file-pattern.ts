/**
 * The `filePattern` of a flow: a directory, spelled out, and a pattern for names in it: `*`, `?`, `[a-z]`, `[!a-z]` and
 * `{one,other}`, as the Kinesis Agent has them.
 */
import { posix } from "node:path";

export interface FilePattern {
  readonly directory: string;
  /** Whether a name in the directory is meant. */
  readonly matches: (name: string) => boolean;
}

/**
 * @throws {SyntaxError} when there is a pattern in the directory, or a bracket without its end.
 */
export function parseFilePattern(text: string): FilePattern {
  const directory = posix.dirname(text);
  if (/[*?[{]/.test(directory)) {
    throw new SyntaxError("patterns stand in the last part of the path only, as with the Kinesis Agent");
  }
  const expression = new RegExp(`^${expressionOf(posix.basename(text))}$`, "s");
  return { directory, matches: (name) => expression.test(name) };
}

function expressionOf(pattern: string): string {
  let expression = "";
  let depth = 0;
  for (let at = 0; at < pattern.length; at += 1) {
    const character = pattern.charAt(at);
    if (character === "*") expression += ".*";
    else if (character === "?") expression += ".";
    else if (character === "{") {
      depth += 1;
      expression += "(?:";
    } else if (character === "}" && depth > 0) {
      depth -= 1;
      expression += ")";
    } else if (character === "," && depth > 0) expression += "|";
    else if (character === "[") {
      const end = pattern.indexOf("]", at + 2);
      if (end === -1) throw new SyntaxError("[ has no ]");
      const isNegated = pattern.charAt(at + 1) === "!";
      const inside = pattern.slice(at + (isNegated ? 2 : 1), end).replaceAll(/[\\^[]/g, "\\$&");
      expression += `[${isNegated ? "^" : ""}${inside}]`;
      at = end;
    } else if (character === "\\" && at + 1 < pattern.length) {
      at += 1;
      expression += escaped(pattern.charAt(at));
    } else expression += escaped(character);
  }
  if (depth > 0) throw new SyntaxError("{ has no }");
  return expression;
}

function escaped(character: string): string {
  return character.replace(/[.*+?^${}()|[\]\\/]/, "\\$&");
}

const COMPRESSED = /\.(?:gz|bz2|xz|zst|zip|Z|lz4)$/;

export function isCompressed(name: string): boolean {
  return COMPRESSED.test(name);
}

/** What rotations add to a name that the pattern takes without it too: numbers and dates, and endings of archives. */
const ROTATED = /^(.+?)[.\-_~](\d[\d.\-_T:]*)(?:\.gz)?(?:\.part|\.tmp)?$/;

/**
 * The log that a name belongs to: the shortest of the known names from which a rotation could have made it, as
 * `app.log` became `app.log.1`, `app.log-20261122` or `app.log.1.gz`; otherwise what is left without a number or a
 * date, if that is meant as well; and itself at last.
 */
export function familyOf(name: string, knownNames: Iterable<string>, pattern: FilePattern): string {
  const base = ROTATED.exec(name)?.[1];
  let family = base !== undefined && pattern.matches(base) ? base : name;
  for (const known of knownNames) {
    if (known.length < family.length && isRotationOf(name, known)) family = known;
  }
  return family;
}

/** What a rotation was made of, and the numbers that it added: of `app.log-20261122.1.gz` they are 20261122 and 1. */
export function rotationOf(
  name: string,
): { readonly base: string; readonly numbers: readonly number[] } | undefined {
  const [, base, added] = ROTATED.exec(name) ?? [];
  if (base === undefined || added === undefined) return undefined;
  return { base, numbers: (added.match(/\d+/g) ?? []).map(Number) };
}

/** Whether a rotation of `base` could have this name. */
export function isRotationOf(name: string, base: string): boolean {
  return name.length > base.length && name.startsWith(base) && /[.\-_~]/.test(name.charAt(base.length));
}
