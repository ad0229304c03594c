/**
 * Reads TypeScript just far enough for the tidy rules: what is comment, what is string, what is code, and
 * what is imported. Regular expressions alone would take a word in a comment for a call.
 */

export interface SourceText {
  /** The source with comments and the insides of strings blanked out; positions and lines stay. */
  readonly code: string;
  /** The source with comments blanked out; strings stay. */
  readonly codeAndStrings: string;
}

export interface ImportedModule {
  readonly specifier: string;
  /** What is imported, as written: `{ isIP }`, `net`; empty where nothing is named. */
  readonly clause: string;
  /** Named by `new URL(…, import.meta.url)`: a worker, or a file that is read. */
  readonly byUrl: boolean;
  readonly line: number;
}

/** After one of these a slash begins a regular expression; after anything else it divides. */
const BEFORE_REGULAR_EXPRESSION =
  /(?:^|[(,=:[!&|?{};+\-*%<>~^]|\b(?:return|typeof|case|in|of|await|yield|throw))$/;

export function readSource(source: string): SourceText {
  const code = source.split("");
  const codeAndStrings = [...code];
  const blank = (characters: string[], from: number, to: number) => {
    for (let at = from; at < to; at += 1) if (characters[at] !== "\n") characters[at] = " ";
  };
  /** For each open `${` of a template: how many braces are open inside it. */
  const templateDepths: number[] = [];
  let at = 0;

  const skipTemplateText = () => {
    const from = at;
    while (at < source.length) {
      if (source[at] === "\\") at += 2;
      else if (source[at] === "`") break;
      else if (source.startsWith("${", at)) break;
      else at += 1;
    }
    blank(code, from, Math.min(at, source.length));
    if (source.startsWith("${", at)) {
      templateDepths.push(0);
      at += 2;
    } else {
      at += 1;
    }
  };

  while (at < source.length) {
    const character = source[at];
    if (source.startsWith("//", at)) {
      const end = endOf(source, "\n", at, 0);
      blank(code, at, end);
      blank(codeAndStrings, at, end);
      at = end;
    } else if (source.startsWith("/*", at)) {
      const end = endOf(source, "*/", at + 2, 2);
      blank(code, at, end);
      blank(codeAndStrings, at, end);
      at = end;
    } else if (character === '"' || character === "'") {
      const from = at + 1;
      at = endOfQuoted(source, from, character);
      blank(code, from, at - 1);
    } else if (character === "`") {
      at += 1;
      skipTemplateText();
    } else if (
      character === "/" &&
      BEFORE_REGULAR_EXPRESSION.test(
        code
          .slice(Math.max(0, at - 40), at)
          .join("")
          .trimEnd(),
      )
    ) {
      const from = at + 1;
      at = endOfRegularExpression(source, from);
      blank(code, from, at - 1);
    } else {
      const depth = templateDepths.length - 1;
      if (character === "{" && depth >= 0) templateDepths[depth] = (templateDepths[depth] ?? 0) + 1;
      if (character === "}" && depth >= 0) {
        if (templateDepths[depth] === 0) {
          templateDepths.pop();
          at += 1;
          skipTemplateText();
          continue;
        }
        templateDepths[depth] = (templateDepths[depth] ?? 0) - 1;
      }
      at += 1;
    }
  }
  return { code: code.join(""), codeAndStrings: codeAndStrings.join("") };
}

/** Every module that the source names: imports, re-exports, dynamic imports, and workers by URL. */
export function importsOf(text: SourceText): ImportedModule[] {
  const found: ImportedModule[] = [];
  const forms: readonly (readonly [pattern: RegExp, byUrl: boolean])[] = [
    [/\b(?:import|export)\b(?<clause>[^;"'`]*?)\bfrom\s*["'](?<specifier>[^"']+)["']/g, false],
    [/\bimport\s*["'](?<specifier>[^"']+)["']/g, false],
    [/\bimport\s*\(\s*["'](?<specifier>[^"']+)["']/g, false],
    [/\bnew\s+URL\s*\(\s*["'](?<specifier>[^"']+)["']\s*,\s*import\.meta\.url/g, true],
  ];
  for (const [pattern, byUrl] of forms) {
    for (const match of text.codeAndStrings.matchAll(pattern)) {
      // The keyword must be code: a string that quotes an import is not one.
      if (!/^\w/.test(text.code.slice(match.index))) continue;
      found.push({
        specifier: match.groups?.["specifier"] ?? "",
        clause: (match.groups?.["clause"] ?? "").trim(),
        byUrl,
        line: lineAt(text.code, match.index),
      });
    }
  }
  return found;
}

export function lineAt(source: string, position: number): number {
  let line = 1;
  for (let at = source.indexOf("\n"); at !== -1 && at < position; at = source.indexOf("\n", at + 1))
    line += 1;
  return line;
}

function endOf(source: string, terminator: string, from: number, extra: number): number {
  const found = source.indexOf(terminator, from);
  return found === -1 ? source.length : found + extra;
}

function endOfQuoted(source: string, from: number, quote: string): number {
  let at = from;
  while (at < source.length && source[at] !== quote && source[at] !== "\n") at += source[at] === "\\" ? 2 : 1;
  return Math.min(at + 1, source.length);
}

function endOfRegularExpression(source: string, from: number): number {
  let inClass = false;
  let at = from;
  while (at < source.length && source[at] !== "\n") {
    const character = source[at];
    if (character === "\\") at += 1;
    else if (character === "[") inClass = true;
    else if (character === "]") inClass = false;
    else if (character === "/" && !inClass) break;
    at += 1;
  }
  return Math.min(at + 1, source.length);
}
