import { crc32 } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeMessage, encodeMessage, EventMessageReader, EventStreamFault } from "../index.ts";
import type { EventMessage } from "../index.ts";

const texts = fc.dictionary(
  fc.string({ minLength: 1, maxLength: 20 }),
  fc.string({ unit: "grapheme", maxLength: 40 }),
  { maxKeys: 5 },
);
const payloads = fc.uint8Array({ maxLength: 300 });

function textsOf(message: EventMessage): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(message.headers).map(([name, header]) => {
      expect(header.type).toBe("string");
      return [name, header.value];
    }),
  );
}

describe("encodeMessage", () => {
  test("lays a message out as the format says", () => {
    // One header `a` = `b`, payload `{}`; the checksums were computed by another implementation.
    expect(encodeMessage({ a: "b" }, [Buffer.from("{"), Buffer.from("}")]).toString("hex")).toBe(
      "0000001800000006" + "dcd1a61f" + "0161" + "07" + "0001" + "62" + "7b7d" + "f3d78873",
    );
  });

  test("refuses what the format cannot hold", () => {
    expect(() => encodeMessage({ ["n".repeat(256)]: "" }, [])).toThrow(RangeError);
    expect(() => encodeMessage({ a: "v".repeat(32_768) }, [])).toThrow(RangeError);
    expect(() => encodeMessage({}, [Buffer.alloc(25 * 1024 * 1024)])).toThrow(RangeError);
  });
});

describe("EventMessageReader", () => {
  test("gives back every message, however the bytes are cut", () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ headers: texts, payload: payloads }), { maxLength: 4 }),
        fc.array(fc.nat(50), { minLength: 1, maxLength: 20 }),
        (messages, cuts) => {
          const bytes = Buffer.concat(
            messages.map(({ headers, payload }) => encodeMessage(headers, [payload])),
          );
          const reader = new EventMessageReader();
          const read: EventMessage[] = [];
          let position = 0;
          for (let turn = 0; position < bytes.length; turn++) {
            const end = position + 1 + (cuts[turn % cuts.length] ?? 0);
            read.push(...reader.push(bytes.subarray(position, end)));
            position = end;
          }
          reader.finish();
          expect(read.map((message) => [textsOf(message), Buffer.from(message.payload)])).toEqual(
            messages.map(({ headers, payload }) => [headers, Buffer.from(payload)]),
          );
        },
      ),
    );
  });

  test("a stream that ends inside a message is refused", () => {
    const reader = new EventMessageReader();
    reader.push(encodeMessage({ a: "b" }, []).subarray(0, 13));
    expect(() => reader.finish()).toThrow(EventStreamFault);
  });

  test("an announced length costs nothing before the bytes have come", () => {
    const reader = new EventMessageReader();
    const start = encodeMessage({}, [Buffer.alloc(20 * 1024 * 1024)]).subarray(0, 12);
    const before = process.memoryUsage().arrayBuffers;
    expect(reader.push(start)).toEqual([]);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1024 * 1024);
  });

  test("any changed bit is found", () => {
    fc.assert(
      fc.property(texts, payloads, fc.nat(), fc.nat(7), (headers, payload, place, bit) => {
        const bytes = encodeMessage(headers, [payload]);
        const index = place % bytes.length;
        bytes.writeUInt8(bytes.readUInt8(index) ^ (1 << bit), index);
        expect(() => decodeMessage(bytes)).toThrow(EventStreamFault);
      }),
    );
  });

  test("random bytes give nothing but faults and messages", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          new EventMessageReader().push(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(EventStreamFault);
        }
      }),
    );
  });
});

describe("decodeMessage", () => {
  /** A message with the given bytes for headers, all lengths and checksums right. */
  function withHeaders(hex: string): Buffer {
    const headers = Buffer.from(hex, "hex");
    const message = Buffer.alloc(16 + headers.length);
    message.writeUInt32BE(message.length, 0);
    message.writeUInt32BE(headers.length, 4);
    message.writeUInt32BE(crc32(message.subarray(0, 8)), 8);
    headers.copy(message, 12);
    message.writeUInt32BE(crc32(message.subarray(0, 12 + headers.length)), 12 + headers.length);
    return message;
  }

  test("reads headers of all types", () => {
    const hex =
      "0161" +
      "00" +
      "0162" +
      "01" +
      "0163" +
      "02" +
      "ff" +
      "0164" +
      "03" +
      "fffe" +
      "0165" +
      "04" +
      "7fffffff" +
      "0166" +
      "05" +
      "8000000000000000" +
      "0167" +
      "06" +
      "0002" +
      "0102" +
      "0168" +
      "07" +
      "0002" +
      "c3a9" +
      "0169" +
      "08" +
      "000001a1f926b22a" +
      "016a" +
      "09" +
      "00112233445566778899aabbccddeeff";
    expect(Object.entries(decodeMessage(withHeaders(hex)).headers)).toEqual([
      ["a", { type: "boolean", value: true }],
      ["b", { type: "boolean", value: false }],
      ["c", { type: "byte", value: -1 }],
      ["d", { type: "short", value: -2 }],
      ["e", { type: "integer", value: 2_147_483_647 }],
      ["f", { type: "long", value: -(2n ** 63n) }],
      ["g", { type: "bytes", value: Buffer.from([1, 2]) }],
      ["h", { type: "string", value: "é" }],
      ["i", { type: "timestamp", value: 1_795_181_425_194 }],
      ["j", { type: "uuid", value: "00112233-4455-6677-8899-aabbccddeeff" }],
    ]);
  });

  test.each(["0161", "01610a", "016107ffff", "016107000261", "ff61"])(
    "the header bytes %s are refused",
    (hex) => {
      expect(() => decodeMessage(withHeaders(hex))).toThrow(EventStreamFault);
    },
  );
});
