/**
 * Tokens that a client carries and cannot forge: bytes behind a MAC, in base64. A token is bound to its
 * purpose, so one kind is never taken for another.
 *
 * ```
 * token => mac:16 bytes  payload:bytes      mac = first 16 bytes of HMAC-SHA256(secret, purpose 00 payload)
 * ```
 */
import { createHmac, timingSafeEqual } from "node:crypto";

const MAC_BYTES = 16;

export function sealToken(secret: Uint8Array, purpose: string, payload: Uint8Array): string {
  return Buffer.concat([macOf(secret, purpose, payload), payload]).toString("base64");
}

/** The payload of a token that {@link sealToken} made with this secret and purpose; undefined for any other text. */
export function openToken(secret: Uint8Array, purpose: string, token: string): Uint8Array | undefined {
  const bytes = Buffer.from(token, "base64");
  // Base64 has many spellings of the same bytes; only the one that was given out counts.
  if (bytes.length < MAC_BYTES || bytes.toString("base64") !== token) return undefined;
  const payload = bytes.subarray(MAC_BYTES);
  const expected = macOf(secret, purpose, payload);
  return timingSafeEqual(bytes.subarray(0, MAC_BYTES), expected) ? payload : undefined;
}

function macOf(secret: Uint8Array, purpose: string, payload: Uint8Array): Buffer {
  const mac = createHmac("sha256", secret);
  mac.update(purpose);
  mac.update("\0");
  mac.update(payload);
  return mac.digest().subarray(0, MAC_BYTES);
}
