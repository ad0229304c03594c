/** What gateways say to each other, as JSON. What is undefined goes, and comes, as null. */
export function encode(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value ?? null));
}

/** As {@link encode} wrote it; undefined for what is no JSON. */
export function decode(payload: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(payload).toString()) as unknown;
  } catch {
    return undefined;
  }
}
