/** `NextToken` of listings: made here, readable only here, for 300 s of service time. */
import type { ServiceError } from "@millrace/api";
import { openPaginationToken, sealPaginationToken } from "@millrace/model";
import type { StreamsContext } from "./context.ts";

/** A token that goes on with `page` of the listing `operation`. */
export function nextToken<Page>(
  context: StreamsContext,
  operation: string,
  page: Page,
  nowMs: number,
): string {
  return sealPaginationToken<Page>(context.secret, operation, {
    expiresMs: nowMs + context.limits.nextTokenLifeMs,
    page,
  });
}

/** The page of a token that {@link nextToken} made for the same operation. */
export function readNextToken<Page>(
  context: StreamsContext,
  operation: string,
  text: string,
  nowMs: number,
  failure: (code: "InvalidArgumentException" | "ExpiredNextTokenException", message: string) => ServiceError,
): Page {
  const token = openPaginationToken<Page>(context.secret, operation, text);
  if (token === undefined) throw failure("InvalidArgumentException", "Invalid NextToken.");
  if (nowMs > token.expiresMs) {
    const { nextTokenLifeMs } = context.limits;
    throw failure(
      "ExpiredNextTokenException",
      `The NextToken has expired: it is valid for ${nextTokenLifeMs / 1_000} seconds.`,
    );
  }
  return token.page;
}
