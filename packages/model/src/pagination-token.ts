/**
 * `NextToken`: where a listing goes on, until when. It carries the whole request that began the listing,
 * because the service lets the following pages name nothing but the token.
 *
 * The payload behind the MAC is JSON: `{"v":1,"e":expires ms,"p":page}`.
 */
import { openToken, sealToken } from "./sealed-token.ts";

export interface PaginationToken<Page> {
  /** Service time, milliseconds. */
  readonly expiresMs: number;
  readonly page: Page;
}

const VERSION = 1;

/** `purpose` names the listing, e.g. `ListShards`: a token of one is never taken by another. */
export function sealPaginationToken<Page>(
  secret: Uint8Array,
  purpose: string,
  token: PaginationToken<Page>,
): string {
  const payload = Buffer.from(JSON.stringify({ v: VERSION, e: token.expiresMs, p: token.page }));
  return sealToken(secret, `next token ${purpose}`, payload);
}

/** Undefined when the text is not a token that was made for `purpose` with this secret. */
export function openPaginationToken<Page>(
  secret: Uint8Array,
  purpose: string,
  text: string,
): PaginationToken<Page> | undefined {
  const payload = openToken(secret, `next token ${purpose}`, text);
  if (payload === undefined) return undefined;
  const sealed = parse<Page>(Buffer.from(payload).toString());
  return sealed?.v === VERSION ? { expiresMs: sealed.e, page: sealed.p } : undefined;
}

/** The MAC vouches that the payload is ours, and its version for what is in it; another version's may be anything. */
function parse<Page>(json: string): { v: number; e: number; p: Page } | null | undefined {
  try {
    return JSON.parse(json) as { v: number; e: number; p: Page } | null;
  } catch {
    return undefined;
  }
}
