/**
 * What Java's regular expressions have and JavaScript's silently take for something else. What JavaScript does not
 * parse at all needs no mention here.
 */
const OTHERWISE_MEANT = /\\[pPAZzGQEhHRX]|&&\[/;

/**
 * A pattern of agent.json, which was written for Java.
 *
 * @throws {SyntaxError} when it is none here, or means something else than in Java.
 */
export function javaPattern(text: string, form: "whole" | "start" | "anywhere"): RegExp {
  const other = OTHERWISE_MEANT.exec(text);
  if (other !== null) {
    throw new SyntaxError(`${other[0]} is Java's and has no counterpart in JavaScript's regular expressions`);
  }
  // By itself first: a bracket too many must not find its partner in ours.
  const plain = new RegExp(text, "s");
  if (form === "anywhere") return new RegExp(text);
  return form === "whole" ? new RegExp(`^(?:${plain.source})$`) : new RegExp(`^(?:${plain.source})`);
}
