import { describe, expect, test } from "vitest";
import { AnswerReader } from "./answer-reader.ts";

interface Heard {
  readonly status: number;
  readonly closes: boolean;
  body: string;
  isComplete: boolean;
}

/** Pushes a text in pieces of this size and returns what was heard. */
function heardOf(text: string, pieceBytes: number): { answers: Heard[]; reader: AnswerReader } {
  const answers: Heard[] = [];
  const reader = new AnswerReader({
    head({ status, closes }) {
      answers.push({ status, closes, body: "", isComplete: false });
      return true;
    },
    piece(bytes) {
      answers.at(-1)!.body += bytes.toString();
    },
    end() {
      answers.at(-1)!.isComplete = true;
    },
  });
  const bytes = Buffer.from(text);
  // The buffer of a socket is filled again with what comes next.
  const shared = Buffer.alloc(pieceBytes);
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    const count = bytes.copy(shared, 0, at, at + pieceBytes);
    reader.push(shared.subarray(0, count));
  }
  return { answers, reader };
}

const PIPELINED =
  "HTTP/1.1 200 OK\r\ncontent-type: a\r\nContent-Length: 5\r\n\r\nhello" +
  "HTTP/1.1 400 Bad Request\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\nA;x=y\r\n, a second\r\n0\r\n\r\n" +
  "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

describe("answers are the same however their bytes are cut", () => {
  test.each([1, 2, 3, 7, 16, 50, 1_000])("into pieces of %i bytes", (pieceBytes) => {
    const { answers, reader } = heardOf(PIPELINED, pieceBytes);
    expect(answers).toEqual([
      { status: 200, closes: false, body: "hello", isComplete: true },
      { status: 400, closes: false, body: "first, a second", isComplete: true },
      { status: 204, closes: true, body: "", isComplete: true },
    ]);
    expect(reader.receivedBytes).toBe(PIPELINED.length);
  });
});

test("an answer without a length ends with the connection", () => {
  const { answers, reader } = heardOf("HTTP/1.0 200 OK\r\n\r\nall of it", 4);
  expect(answers).toEqual([{ status: 200, closes: true, body: "all of it", isComplete: false }]);
  expect(reader.close()).toBe(true);
  expect(answers[0]!.isComplete).toBe(true);
});

test("a connection that closes inside an answer is told from one that closes between answers", () => {
  expect(heardOf("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", 9).reader.close()).toBe(false);
  expect(heardOf("HTTP/1.1 200 OK\r\nContent-Le", 9).reader.close()).toBe(false);
  expect(heardOf(PIPELINED, 9).reader.close()).toBe(true);
});

test("what is no HTTP/1.1 is refused", () => {
  expect(() => heardOf("SSH-2.0-server\r\n\r\n", 100)).toThrow("no HTTP/1.1 answer");
});
