import type { Clock } from "@millrace/runtime";
import type { Broker, StoredMessage } from "../broker/broker.ts";
import { DamagedMessageError } from "../state/message-codec.ts";
import { decodeGroupMessage, type GroupMessage } from "./group-message.ts";

/** Reads are answered by any replica: after so many all of them have very likely been asked. */
const ATTEMPTS = 12;
const RETRY_DELAY_MS = 20;

/** A message of a group's stream; undefined when it is not what was written. */
export function decodedMessage(
  stream: string,
  { payload, sequence }: StoredMessage,
): GroupMessage | undefined {
  try {
    return decodeGroupMessage(payload, `message ${sequence} of stream ${stream}`);
  } catch (error) {
    if (error instanceof DamagedMessageError) return undefined;
    throw error;
  }
}

/** A message that one replica has damaged, from one that has not; undefined when none was found. */
export async function intactMessage(
  broker: Broker,
  clock: Clock,
  stream: string,
  { sequence, subject }: StoredMessage,
): Promise<GroupMessage | undefined> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    if (attempt > 0) await clock.sleep(RETRY_DELAY_MS);
    const outcome = await broker.read(stream, {
      fromSequence: sequence,
      subject,
      maxBytes: 1,
      maxMessages: 1,
    });
    const [again] = outcome.kind === "messages" ? outcome.messages : [];
    const message = again?.sequence === sequence ? decodedMessage(stream, again) : undefined;
    if (message !== undefined) return message;
  }
  return undefined;
}
