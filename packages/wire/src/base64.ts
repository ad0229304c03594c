/**
 * Base64 as the service takes it: RFC 4648's standard alphabet, padded, canonical, nothing between.
 * White space, the URL alphabet, missing padding and stray bits behind the last byte are refused with
 * the service's texts (recorded by kinesalite; the order of the checks is that of the codec in the
 * AWS SDK for Java, which has the same spelling mistake).
 */
import { SerializationFault } from "./serialization-fault.ts";

/** The bytes, or undefined when `text` is not strictly canonical. */
export function decodeBase64(text: string): Buffer | undefined {
  const length = text.length;
  if (length % 4 !== 0) return undefined;
  const padCount = paddingOf(text);
  const bytes = Buffer.from(text, "base64");
  // The decoder of the platform skips what it does not know, so a stray character shows as a missing
  // byte. It also takes the URL alphabet, which has to be looked for.
  if (bytes.length !== (length / 4) * 3 - padCount) return undefined;
  return isCanonical(text, padCount) ? bytes : undefined;
}

/** What is left to check of text that decodes to as many bytes as its length says. */
function isCanonical(text: string, padCount: number): boolean {
  if (text.includes("-") || text.includes("_")) return false;
  if (padCount === 0) return true;
  const lastValue = valueOf(text.charCodeAt(text.length - padCount - 1));
  const strayBits = padCount === 1 ? 0b11 : 0b1111;
  return (lastValue & strayBits) === 0;
}

/**
 * Decodes `text` to `target`, from `at` on, which must have room for it. Returns how many bytes it is, or -1 when
 * `text` is not strictly canonical; then something may have been written all the same.
 */
export function decodeBase64Into(text: string, target: Buffer, at: number): number {
  const length = text.length;
  if (length % 4 !== 0) return -1;
  const padCount = paddingOf(text);
  const sizeBytes = (length / 4) * 3 - padCount;
  if (target.write(text, at, "base64") !== sizeBytes || !isCanonical(text, padCount)) return -1;
  return sizeBytes;
}

/** Why `text`, for which {@link decodeBase64} gave nothing, is no base64. */
export function base64Fault(text: string): SerializationFault {
  return new SerializationFault(`'${text}' can not be converted to a Blob: ${reason(text)}`);
}

function reason(text: string): string {
  if (text.length % 4 !== 0) {
    return `Base64 encoded length is expected a multiple of 4 bytes but found: ${text.length}`;
  }
  const end = text.length - paddingOf(text);
  for (let index = 0; index < end; index++) {
    if (valueOf(text.charCodeAt(index)) === -1) {
      return `Invalid Base64 character: '${text.charAt(index)}'`;
    }
  }
  return "Invalid last non-pad Base64 character dectected";
}

function paddingOf(text: string): 0 | 1 | 2 {
  if (!text.endsWith("=")) return 0;
  return text.endsWith("==") ? 2 : 1;
}

/** The six bits that a character stands for, or -1. */
function valueOf(code: number): number {
  if (code >= 0x41 && code <= 0x5a) return code - 0x41;
  if (code >= 0x61 && code <= 0x7a) return code - 0x61 + 26;
  if (code >= 0x30 && code <= 0x39) return code - 0x30 + 52;
  if (code === 0x2b) return 62;
  return code === 0x2f ? 63 : -1;
}
