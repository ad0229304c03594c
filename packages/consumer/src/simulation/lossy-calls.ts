/** Calls of a service in this process whose requests and answers can be lost, for tests. */
import { type ClientTransport, inProcessTransport, TransportError } from "@millrace/client";

/** What becomes of an attempt of a call. */
export type Passage = "arrives" | "request lost" | "answer lost";

/** @param passage says how each attempt fares. */
export function lossyTransport(
  service: Parameters<typeof inProcessTransport>[0],
  passage: () => Passage,
): ClientTransport {
  const direct = inProcessTransport(service);
  return {
    ...direct,
    async send(request) {
      const how = passage();
      if (how === "request lost") throw new TransportError("the request was lost", undefined);
      const answer = await direct.send(request);
      if (how === "answer lost") throw new TransportError("the answer was lost", undefined);
      return answer;
    },
  };
}
