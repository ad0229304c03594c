/** Expressions in tokens, and the reading of what all of them have in common: paths and placeholders. */
import type { AttributeValue } from "@millrace/api";
import { invalid } from "../refusals.ts";
import type { Placeholders } from "./placeholders.ts";
import type { Path } from "./syntax.ts";

export type ExpressionName =
  | "ConditionExpression"
  | "FilterExpression"
  | "KeyConditionExpression"
  | "ProjectionExpression"
  | "UpdateExpression";

const EXPRESSION_BYTES_MAX = 4096;
const NESTING_MAX = 64;
const TOKEN = /\s+|[A-Za-z_][A-Za-z0-9_]*|[#:][A-Za-z0-9_]+|\d+|<=|>=|<>|[()[\].,=<>+-]/y;
const END = "<EOF>";

export class TokenReader {
  readonly #what: ExpressionName;
  readonly #text: string;
  readonly #placeholders: Placeholders;
  readonly #tokens: { readonly text: string; readonly start: number }[] = [];
  #at = 0;
  #depth = 0;

  /** @throws {ServiceError} `ValidationException` for an empty or too long text, or a character that has no place. */
  constructor(what: ExpressionName, text: string, placeholders: Placeholders) {
    this.#what = what;
    this.#text = text;
    this.#placeholders = placeholders;
    if (text.trim() === "") throw this.fault("The expression can not be empty;");
    const sizeBytes = Buffer.byteLength(text, "utf8");
    if (sizeBytes > EXPRESSION_BYTES_MAX) {
      throw this.fault(
        `Expression size has exceeded the maximum allowed size; expression size: ${sizeBytes}`,
      );
    }
    TOKEN.lastIndex = 0;
    while (TOKEN.lastIndex < text.length) {
      const start = TOKEN.lastIndex;
      const found = TOKEN.exec(text)?.[0];
      if (found === undefined) {
        this.#tokens.push({ text: text.charAt(start), start });
        this.#at = this.#tokens.length - 1;
        throw this.syntaxError();
      }
      if (found.trim() !== "") this.#tokens.push({ text: found, start });
    }
  }

  fault(reason: string): Error {
    return invalid(`Invalid ${this.#what}: ${reason}`);
  }

  /** The fault of the token that stands next; the service shows what is around it. */
  syntaxError(): Error {
    const token = this.#tokens[this.#at];
    const from = this.#tokens[Math.max(0, this.#at - 1)]?.start ?? 0;
    const next = this.#tokens[this.#at + 1];
    const to = next === undefined ? this.#text.length : next.start + next.text.length;
    return this.fault(
      `Syntax error; token: "${token?.text ?? END}", near: "${this.#text.slice(from, to).trim()}"`,
    );
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#tokens.length;
  }

  peek(ahead = 0): string {
    return this.#tokens[this.#at + ahead]?.text ?? END;
  }

  /** Whether the next token is this word, in any case of its letters. */
  isWord(word: string): boolean {
    return this.peek().toUpperCase() === word;
  }

  next(): string {
    const token = this.peek();
    this.#at += 1;
    return token;
  }

  /** Takes the token if it stands next. */
  take(token: string): boolean {
    if (!this.isWord(token)) return false;
    this.#at += 1;
    return true;
  }

  /** @throws {ServiceError} the syntax error, when something else stands next. */
  expect(token: string): void {
    if (!this.take(token)) throw this.syntaxError();
  }

  finish(): void {
    if (!this.isAtEnd) throw this.syntaxError();
  }

  /** Runs the reading of something that may contain itself. */
  nested<T>(read: () => T): T {
    this.#depth += 1;
    if (this.#depth > NESTING_MAX) throw this.fault("The expression is nested too deeply");
    const result = read();
    this.#depth -= 1;
    return result;
  }

  /** The name of a function, if one stands next. */
  peekFunction(): string | undefined {
    return /^[A-Za-z_]/.test(this.peek()) && this.peek(1) === "(" ? this.peek() : undefined;
  }

  isValue(): boolean {
    return this.peek().startsWith(":");
  }

  value(): AttributeValue {
    if (!this.isValue()) throw this.syntaxError();
    const placeholder = this.next();
    const value = this.#placeholders.value(placeholder);
    if (value === undefined) {
      throw this.fault(
        `An expression attribute value used in expression is not defined; attribute value: ${placeholder}`,
      );
    }
    return value;
  }

  path(): Path {
    const path: (string | number)[] = [this.#name()];
    for (;;) {
      if (this.take(".")) path.push(this.#name());
      else if (this.take("[")) {
        if (!/^\d+$/.test(this.peek())) throw this.syntaxError();
        const index = Number(this.next());
        if (!Number.isSafeInteger(index)) {
          throw this.fault(`List index is not within the allowable range; index: [${index}]`);
        }
        path.push(index);
        this.expect("]");
      } else return path;
    }
  }

  #name(): string {
    const token = this.peek();
    if (token.startsWith("#")) {
      this.#at += 1;
      const name = this.#placeholders.name(token);
      if (name === undefined) {
        throw this.fault(
          `An expression attribute name used in the document path is not defined; attribute name: ${token}`,
        );
      }
      return name;
    }
    if (!/^[A-Za-z_]/.test(token)) throw this.syntaxError();
    this.#at += 1;
    return token;
  }
}
