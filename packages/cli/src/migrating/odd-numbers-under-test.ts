import type { ClientTransport } from "@millrace/client";
import { type TwoServers, twoServers, type TwoServersOptions } from "./two-servers-under-test.ts";

/** A number as another maker gives it: 57 digits, in the order of ours. */
export function odd(number: string): string {
  return `7${number}`;
}

/** Where a source has odd numbers: everywhere, or in records alone while its shards begin and end with numbers like ours. */
type OddPlaces = "everywhere" | "in records";

/**
 * A source of Kinesis as it would be with numbers of another maker: they are put in for ours in answers, and ours for them in
 * requests. Tables stay as they are.
 */
function withOddNumbers(source: ClientTransport, places: () => OddPlaces | "nowhere"): ClientTransport {
  return {
    ...source,
    async send(request) {
      const where = places();
      if (where === "nowhere" || request.headers["x-amz-target"]?.startsWith("Kinesis_") !== true) {
        return source.send(request);
      }
      const asked = textOf(request.body).replaceAll(/"7(49\d{54})"/g, '"$1"');
      const answer = await source.send({ ...request, body: Buffer.from(asked) });
      const names = where === "everywhere" ? "(?:Starting|Ending)?SequenceNumber" : "SequenceNumber";
      const told = textOf(await wholeOf(answer.body)).replaceAll(
        new RegExp(`"(${names})":"(49\\d{54})"`, "g"),
        (_, name: string, number: string) => `"${name}":"${odd(number)}"`,
      );
      const { "content-length": _length, ...headers } = answer.headers;
      return { ...answer, headers, body: piecesOf(told) };
    },
  };
}

function textOf(body: Uint8Array): string {
  return Buffer.from(body).toString();
}

async function wholeOf(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of body) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function* piecesOf(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

export interface OddServers extends TwoServers {
  readonly setOdd: (places: OddPlaces | "nowhere") => void;
}

/** Two servers, of which the source gives numbers that cannot be kept. */
export async function oddServers(
  engine: "memory" | "journal" = "memory",
  options: Omit<TwoServersOptions, "disguise"> = {},
): Promise<OddServers> {
  let places: OddPlaces | "nowhere" = "everywhere";
  const disguise = (source: ClientTransport) => withOddNumbers(source, () => places);
  const servers = await twoServers(engine, { ...options, disguise });
  return { ...servers, setOdd: (where) => void (places = where) };
}
