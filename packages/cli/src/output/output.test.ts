import { describe, expect, test } from "vitest";
import type { Output } from "../world.ts";
import { progressOn } from "./progress.ts";
import { recordLine } from "./record-lines.ts";
import { formatPairs, formatTable } from "./table.ts";
import { formatBytes, formatCount, formatTime } from "./units.ts";

describe("tables", () => {
  test("columns stand under each other, numbers flush right", () => {
    expect(
      formatTable(
        ["NAME", "SHARDS", "NOTE"],
        [
          ["a", "1", ""],
          ["longer", "1,200", "x"],
        ],
      ),
    ).toEqual(["NAME    SHARDS  NOTE", "a            1", "longer   1,200  x"]);
  });

  test("pairs stand under each other", () => {
    expect(
      formatPairs([
        ["a", "1"],
        ["long", "2"],
      ]),
    ).toEqual(["a     1", "long  2"]);
  });
});

describe("units", () => {
  test.each([
    [0, "0 B"],
    [1023, "1023 B"],
    [1536, "1.5 KiB"],
    [1024 ** 2, "1 MiB"],
    [300 * 1024 ** 3, "300 GiB"],
  ])("%s bytes are %s", (size, text) => expect(formatBytes(size)).toBe(text));

  test("thousands are set apart", () => {
    expect([5, 1_000, 1_234_567].map(formatCount)).toEqual(["5", "1,000", "1,234,567"]);
  });

  test("times are in UTC to the second", () => {
    expect(formatTime(Date.UTC(2026, 10, 20, 16, 1, 2, 345))).toBe("2026-11-20T16:01:02Z");
  });
});

describe("progress", () => {
  function sink(isTerminal: boolean): Output & { readonly text: () => string } {
    let text = "";
    return {
      write: (more) => void (text += more),
      drained: () => Promise.resolve(),
      isTerminal,
      columnCount: 50,
      text: () => text,
    };
  }

  test("is one line that is written over, and cleared in the end", () => {
    const output = sink(true);
    const progress = progressOn(output);
    progress.show("scaling", 0.5);
    progress.clear();
    expect(output.text()).toBe("\r\u001b[2K[############------------]  50% scaling\r\u001b[2K");
  });

  test("is silent where nobody looks", () => {
    const output = sink(false);
    progressOn(output).show("scaling", 0.5);
    expect(output.text()).toBe("");
  });
});

describe("records", () => {
  const record = (data: string | Uint8Array, key = "a") => ({
    SequenceNumber: "495",
    ApproximateArrivalTimestamp: Date.UTC(2026, 10, 20, 16, 0, 1, 500),
    PartitionKey: key,
    Data: typeof data === "string" ? Buffer.from(data) : data,
  });
  const plain = { json: false, color: false };

  test("are a key, a tab and the data", () => {
    expect(recordLine("s", record("hello\tworld"), plain)).toBe("a\thello\tworld\n");
  });

  test("stay on one line and cannot move a terminal's cursor", () => {
    expect(recordLine("s", record("a\nb\r\u001b[2J", "k\n"), plain)).toBe("k\\n\ta\\nb\\r\\x1b[2J\n");
  });

  test("that are no text are base64", () => {
    expect(recordLine("s", record(Uint8Array.of(0xff, 0xfe)), plain)).toBe("a\tbase64://4=\n");
    expect(
      JSON.parse(recordLine("s", record(Uint8Array.of(0xff)), { json: true, color: false })),
    ).toMatchObject({
      dataBase64: "/w==",
    });
  });

  test("as JSON tell everything", () => {
    expect(JSON.parse(recordLine("s", record("hello"), { json: true, color: false }))).toEqual({
      shardId: "s",
      sequenceNumber: "495",
      arrivedAt: "2026-11-20T16:00:01.500Z",
      partitionKey: "a",
      data: "hello",
    });
  });
});
