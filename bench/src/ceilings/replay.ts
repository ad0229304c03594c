/**
 * Answers that a real server gave once, given again: nothing is decoded, looked up or stored, so whatever
 * a server does to find its answer costs nothing here.
 */
import { forward, operationOf } from "./exchange.ts";
import type { Answer, Asked } from "./exchange.ts";

/** Puts differ from request to request and their answers do not matter to a client, so one answer serves them all. */
const PUTS = new Set(["PutRecord", "PutRecords"]);

/**
 * Answers operations of `replayed` with what the server at `endpoint` answered the first time: to a put of the
 * same format, or to a read with the same bytes. Everything else, and every first time, goes to that server.
 */
export function replay(
  endpoint: string,
  replayed: ReadonlySet<string>,
): (asked: Asked) => Answer | Promise<Answer> {
  const known = new Map<string, Answer>();
  return (asked) => {
    const operation = operationOf(asked);
    if (!replayed.has(operation)) return forward(endpoint, asked);
    const key = PUTS.has(operation)
      ? `${operation} ${asked.headers["content-type"]}`
      : Buffer.from(asked.body.buffer, asked.body.byteOffset, asked.body.byteLength).toString("latin1");
    return known.get(key) ?? learn(key, asked);
  };

  async function learn(key: string, asked: Asked): Promise<Answer> {
    const answer = await forward(endpoint, asked);
    // A refusal is passed on and fails the bench; it must not become the answer to everything.
    if (answer.status === 200) known.set(key, answer);
    return answer;
  }
}
