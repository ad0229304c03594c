import { spawnSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { time } from "./der.ts";
import { LOCAL_HOSTS, selfSignedCertificate } from "./self-signed-certificate.ts";

const DAY_MS = 86_400_000;
const validFromMs = Date.UTC(2026, 10, 20, 12, 34, 56);
const options = { validFromMs, validToMs: validFromMs + 825 * DAY_MS, serial: Buffer.alloc(20, 0xff) };

describe("a self-signed certificate", () => {
  test("names its hosts, its time and its serial number, and is signed by its own key", () => {
    const { cert, key } = selfSignedCertificate({
      hosts: [...LOCAL_HOSTS, "stream.example.org", "fe80::1:192.0.2.1"],
      ...options,
    });
    const certificate = new X509Certificate(cert);
    expect(certificate.subjectAltName).toBe(
      "DNS:localhost, DNS:*.localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1, " +
        "DNS:stream.example.org, IP Address:FE80:0:0:0:0:1:C000:201",
    );
    expect(new Date(certificate.validFrom).getTime()).toBe(validFromMs);
    expect(new Date(certificate.validTo).getTime()).toBe(options.validToMs);
    expect(certificate.serialNumber).toBe(`7F${"FF".repeat(19)}`);
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.checkHost("localhost")).toBe("localhost");
    expect(certificate.checkIP("127.0.0.1")).toBe("127.0.0.1");
    expect(certificate.checkHost("example.com")).toBeUndefined();
    expect(certificate.ca).toBe(true);
    expect(key).toContain("BEGIN PRIVATE KEY");
  });

  test("two of them have different keys", () => {
    const [one, two] = [1, 2].map(() => selfSignedCertificate({ hosts: ["localhost"], ...options }));
    expect(one!.key).not.toBe(two!.key);
  });

  test("it is refused without a host, and with a serial number of the wrong length", () => {
    expect(() => selfSignedCertificate({ ...options, hosts: [] })).toThrow(/at least one host/);
    expect(() => selfSignedCertificate({ ...options, hosts: ["a"], serial: Buffer.alloc(21) })).toThrow(
      /8 to 20/,
    );
  });

  const openssl = spawnSync("openssl", ["version"]).status === 0;
  test.runIf(openssl)("openssl reads it and verifies it as its own authority", () => {
    const validToMs = Date.UTC(2052, 0, 1);
    const { cert } = selfSignedCertificate({
      hosts: LOCAL_HOSTS,
      ...options,
      validFromMs: Date.UTC(2020, 1, 29),
      validToMs,
    });
    const read = spawnSync("openssl", ["x509", "-noout", "-text"], { input: cert, encoding: "utf8" });
    expect(read.stderr).toBe("");
    for (const line of [
      "Signature Algorithm: ecdsa-with-SHA256",
      "Not Before: Feb 29 00:00:00 2020 GMT",
      "Not After : Jan  1 00:00:00 2052 GMT",
      "CA:TRUE, pathlen:0",
      "Digital Signature, Certificate Sign",
      "TLS Web Server Authentication",
      "DNS:localhost, DNS:*.localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1",
      "NIST CURVE: P-256",
    ]) {
      expect(read.stdout).toContain(line);
    }

    const directory = mkdtempSync(join(tmpdir(), "millrace-certificate-"));
    try {
      const path = join(directory, "cert.pem");
      writeFileSync(path, cert);
      const strict = ["verify", "-x509_strict", "-purpose", "sslserver", "-verify_hostname", "localhost"];
      const verified = spawnSync("openssl", [...strict, "-CAfile", path, path], { encoding: "utf8" });
      expect(verified.stdout + verified.stderr).toBe(`${path}: OK\n`);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

test.each([
  [0, "170d3730303130313030303030305a"],
  [Date.UTC(2000, 1, 29, 23, 59, 59), "170d3030303232393233353935395a"],
  [Date.UTC(2049, 11, 31), "170d3439313233313030303030305a"],
  [Date.UTC(2050, 0, 1), "180f32303530303130313030303030305a"],
  [Date.UTC(2100, 2, 1), "180f32313030303330313030303030305a"],
])("the time %d is written as RFC 5280 wants it", (epochMs, hex) => {
  expect(time(epochMs).toString("hex")).toBe(hex);
});

test("every day of two centuries is written as Date has it", () => {
  for (let epochMs = 0; epochMs < Date.UTC(2170, 0, 1); epochMs += DAY_MS) {
    const digits = new Date(epochMs).toISOString().replace(/\D/g, "").slice(0, 14);
    const written = time(epochMs).subarray(2).toString("latin1");
    if (written !== `${epochMs < Date.UTC(2050, 0, 1) ? digits.slice(2) : digits}Z`)
      expect(written).toBe(digits);
  }
});
