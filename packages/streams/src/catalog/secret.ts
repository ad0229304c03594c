import type { LogEngine } from "@millrace/log";
import type { Secrets } from "@millrace/runtime";
import { SECRET_KEY } from "./records.ts";

const SECRET_BYTES = 32;

/** The key of all iterators and tokens: made once, then kept with the data, so that they survive a restart. */
export async function loadSecret(engine: LogEngine, secrets: Secrets): Promise<Uint8Array> {
  for (;;) {
    const stored = engine.state.get(SECRET_KEY);
    if (stored !== undefined) return Buffer.from(stored.value, "base64");
    const made = Buffer.from(secrets.bytes(SECRET_BYTES)).toString("base64");
    const outcome = await engine.state.commit({ expect: [[SECRET_KEY, 0]], puts: [[SECRET_KEY, made]] });
    if (outcome.kind === "read-only" || outcome.kind === "unknown") {
      throw new Error(`the key of shard iterators could not be stored: ${outcome.reason}`);
    }
  }
}
