import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { isIP } from "node:net";
import {
  bitString,
  boolean,
  context,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  set,
  time,
  utf8String,
} from "./der.ts";

export interface SelfSignedOptions {
  /** DNS names and IP addresses that the certificate is for, at least one. */
  readonly hosts: readonly string[];
  /** Milliseconds since the epoch; whole seconds are kept. */
  readonly validFromMs: number;
  readonly validToMs: number;
  /** Unpredictable bytes, 8 to 20: RFC 5280 wants serial numbers of at most 20 octets. */
  readonly serial: Uint8Array;
}

export interface SelfSigned {
  /** PEM. */
  readonly cert: string;
  /** PEM, PKCS #8. A secret. */
  readonly key: string;
}

/** The names under which a server on this machine is reached. */
export const LOCAL_HOSTS: readonly string[] = Object.freeze(["localhost", "*.localhost", "127.0.0.1", "::1"]);

const OID = {
  commonName: "2.5.4.3",
  ecdsaWithSha256: "1.2.840.10045.4.3.2",
  subjectKeyIdentifier: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  extendedKeyUsage: "2.5.29.37",
  serverAuth: "1.3.6.1.5.5.7.3.1",
} as const;

/**
 * Makes a P-256 key and a certificate (X.509 v3, RFC 5280) signed by that key. It is its own authority, so a
 * client trusts it by naming it as a CA, and nothing else becomes trusted with it: its path length is 0.
 */
export function selfSignedCertificate(options: SelfSignedOptions): SelfSigned {
  if (options.hosts.length === 0) throw new RangeError("a certificate needs at least one host");
  if (options.serial.length < 8 || options.serial.length > 20) {
    throw new RangeError("a serial number has 8 to 20 bytes");
  }
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const publicKeyInfo = publicKey.export({ type: "spki", format: "der" });
  const algorithm = sequence(objectIdentifier(OID.ecdsaWithSha256));
  const name = sequence(set(sequence(objectIdentifier(OID.commonName), utf8String("millrace self-signed"))));
  const toBeSigned = sequence(
    context(0, integer(Buffer.of(2))),
    integer(positive(options.serial)),
    algorithm,
    name,
    sequence(time(options.validFromMs), time(options.validToMs)),
    name,
    publicKeyInfo,
    context(3, sequence(...extensions(options.hosts, publicKeyInfo))),
  );
  const signature = sign("sha256", toBeSigned, privateKey);
  const certificate = sequence(toBeSigned, algorithm, bitString(signature));
  return {
    cert: pem("CERTIFICATE", certificate),
    key: privateKey.export({ type: "pkcs8", format: "pem" }) as string,
  };
}

/** Clears the sign bit, so that 20 bytes stay 20, and sets the next, so that the number is never 0. */
function positive(serial: Uint8Array): Buffer {
  const bytes = Buffer.from(serial);
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bytes;
}

function extensions(hosts: readonly string[], publicKeyInfo: Buffer): Buffer[] {
  const keyId = createHash("sha1").update(publicKeyInfo).digest();
  // digitalSignature (bit 0) and keyCertSign (bit 5): it signs handshakes, and itself.
  const usage = bitString(Buffer.of(0b1000_0100), 2);
  return [
    extension(OID.basicConstraints, sequence(boolean(true), integer(Buffer.of(0))), true),
    extension(OID.keyUsage, usage, true),
    extension(OID.extendedKeyUsage, sequence(objectIdentifier(OID.serverAuth))),
    extension(OID.subjectAltName, sequence(...hosts.map(generalName))),
    extension(OID.subjectKeyIdentifier, octetString(keyId)),
  ];
}

function extension(id: string, value: Buffer, critical = false): Buffer {
  const parts = [objectIdentifier(id)];
  if (critical) parts.push(boolean(true));
  return sequence(...parts, octetString(value));
}

function generalName(host: string): Buffer {
  const DNS_NAME = 2;
  const IP_ADDRESS = 7;
  return isIP(host) === 0
    ? context(DNS_NAME, Buffer.from(host, "latin1"), false)
    : context(IP_ADDRESS, ipBytes(host), false);
}

function ipBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split(".").map(Number));
  const [left = "", right] = address.split("::");
  const groupsOf = (text: string) => (text === "" ? [] : text.split(":").flatMap(groupValues));
  const before = groupsOf(left);
  const after = right === undefined ? [] : groupsOf(right);
  const zeros = new Array<number>(8 - before.length - after.length).fill(0);
  const bytes = Buffer.alloc(16);
  [...before, ...zeros, ...after].forEach((group, index) => bytes.writeUInt16BE(group, index * 2));
  return bytes;
}

/** One group of an IPv6 address, or two when it is an IPv4 address at its end. */
function groupValues(group: string): number[] {
  if (!group.includes(".")) return [Number.parseInt(group, 16)];
  const [a = 0, b = 0, c = 0, d = 0] = group.split(".").map(Number);
  return [a * 256 + b, c * 256 + d];
}

function pem(label: string, der: Buffer): string {
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
