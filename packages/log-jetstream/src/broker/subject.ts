/**
 * Whether a subject matches a filter. A subject is tokens joined by dots; in a filter `*` stands for one token and a last `>`
 * for one or more.
 */
export function subjectMatches(filter: string, subject: string): boolean {
  const wanted = filter.split(".");
  const tokens = subject.split(".");
  for (const [at, token] of wanted.entries()) {
    if (token === ">" && at === wanted.length - 1) return tokens.length > at;
    if (at >= tokens.length || (token !== "*" && token !== tokens[at])) return false;
  }
  return wanted.length === tokens.length;
}

/** Whether some subject matches both filters: the subjects of two streams must not. */
export function filtersOverlap(one: string, other: string): boolean {
  const [left, right] = [one.split("."), other.split(".")];
  for (let at = 0; at < Math.max(left.length, right.length); at += 1) {
    const [a, b] = [left[at], right[at]];
    if (a === undefined || b === undefined) return false;
    if (a === ">" || b === ">") return true;
    if (a !== b && a !== "*" && b !== "*") return false;
  }
  return true;
}
