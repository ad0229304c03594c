import { hostname } from "node:os";

/** What this machine calls itself: how people tell gateways of a cluster apart. */
export function machineName(): string {
  return hostname();
}
