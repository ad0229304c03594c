import type { WireRequest } from "@millrace/wire";
import { isLoopback } from "../options/check-options.ts";

/**
 * Why a request is not from the person at this machine; undefined when it is. Only loopback peers are, and only
 * with requests that name a loopback host: a web page elsewhere, whose name was pointed at this machine, sends its
 * own name.
 */
export function strangerReason({ remoteAddress, headers }: WireRequest): string | undefined {
  if (!isLoopback(remoteAddress)) return "Control answers only this machine.";
  const host = hostOf(headers["host"]);
  if (host === undefined || !isLoopback(host))
    return "Control answers only requests to a loopback name, such as localhost.";
  const origin = headers["origin"];
  if (origin !== undefined && origin.replace(/^https?:\/\//, "") !== headers["host"]) {
    return "Control does not answer web pages of other origins.";
  }
  return undefined;
}

/** The name in a Host header, without the port. */
function hostOf(header: string | undefined): string | undefined {
  return /^(\[[0-9a-f:.]+\]|[^:[\],\s]+)(?::\d+)?$/i.exec(header ?? "")?.[1];
}
