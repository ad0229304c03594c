/**
 * Writes an access log in the combined format, as Apache, nginx and Caddy write it, to standard output. The same
 * seed gives the same bytes. No two lines are equal, because a client never asks twice in one second: that lets
 * `check.mjs` tell a duplicate from a repetition.
 *
 *     node generate.mjs --records 20000 --seed 1 > access.log
 */
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

const BEGIN_MS = Date.UTC(2026, 10, 20);
const SESSIONS_AT_ONCE = 40;
/** The busiest clients are crawlers: they ask each second, and for long. */
const CRAWLERS = 3;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const PAGES = [
  ["GET /", 200, 8_000],
  ["GET /products?sort=price", 200, 21_000],
  ["GET /produkte/größe-42/schuhe", 200, 17_000],
  ["GET /produits/été/crème-brûlée", 200, 15_000],
  ["GET /検索?q=時計", 200, 12_000],
  ["GET /%D0%BA%D0%B0%D1%82%D0%B0%D0%BB%D0%BE%D0%B3/42", 200, 14_000],
  ["GET /img/🦊.png", 200, 88_000],
  ["GET /favicon.ico", 304, 0],
  ["GET /old-shop", 301, 230],
  ["GET /wp-login.php", 404, 160],
  ["POST /cart", 302, 120],
  ["POST /checkout", 201, 900],
  ["PUT /api/v1/profile", 204, 0],
  ["GET /api/v1/recommendations", 503, 310],
];
const AGENTS = [
  "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
  "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
  "Приложение/2.4 (Android 16; ru-RU)",
  'shop-app/7 (\\"Größenwahn\\" édition)',
  "curl/8.17.0",
];
const CRAWLER_AGENT = "Mozilla/5.0 (compatible; ExampleBot/2.1; +https://example.org/bot.html)";
const REFERERS = [
  "-",
  "https://example.org/",
  "https://example.org/suche?q=schöne+schuhe",
  "https://例え.jp/",
];

/** The lines of the log, without line ends, in the order of their time. */
export function* accessLog({ recordCount, seed }) {
  const random = randomFrom(seed);
  const clientCount = Math.max(100, Math.round(recordCount / 40));
  // Uniform in the logarithm: the client of rank r is drawn in proportion to 1 / r, as Zipf found it in words.
  const drawClient = () => Math.floor(Math.exp(random() * Math.log(clientCount)));
  const pick = (values) => values[Math.floor(random() * values.length)];
  const exponential = (mean) => -mean * Math.log(1 - random());
  const busy = new Set();

  const beginSession = (nowMs) => {
    let client = drawClient();
    while (busy.has(client)) client = drawClient();
    busy.add(client);
    const isCrawler = client <= CRAWLERS;
    return {
      client,
      address: addressOf(client),
      agent: isCrawler ? CRAWLER_AGENT : pick(AGENTS),
      user: !isCrawler && random() < 0.1 ? `user${client}` : "-",
      referer: isCrawler ? "-" : pick(REFERERS),
      pauseMs: isCrawler ? 0 : 2_000,
      requestsLeft: Math.ceil(exponential(isCrawler ? 400 : 8)),
      nextMs: nowMs + exponential(2_000),
    };
  };

  const sessions = Array.from({ length: SESSIONS_AT_ONCE }, () => beginSession(BEGIN_MS));
  for (let recordNumber = 0; recordNumber < recordCount;) {
    let at = 0;
    for (let other = 1; other < sessions.length; other += 1) {
      if (sessions[other].nextMs < sessions[at].nextMs) at = other;
    }
    const session = sessions[at];
    if (session.requestsLeft === 0) {
      // The client stays busy until now, so that its next session does not begin in the second of its last request.
      sessions[at] = beginSession(session.nextMs);
      busy.delete(session.client);
      continue;
    }
    const [request, status, sizeBytes] = pick(PAGES);
    // What a port scan leaves in every log: a TLS greeting where a request should be.
    const isGarbage = random() < 0.001;
    yield [
      `${session.address} - ${session.user} [${timeText(session.nextMs)}]`,
      isGarbage ? '"\\x16\\x03\\x01\\x02" 400 157 "-" "-"' : `"${request} HTTP/1.1" ${status}`,
      ...(isGarbage
        ? []
        : [`${Math.round(sizeBytes * (0.5 + random()))} "${session.referer}" "${session.agent}"`]),
    ].join(" ");
    session.referer = "https://example.org/";
    session.requestsLeft -= 1;
    // More than a second, also when the text has no fractions of it.
    session.nextMs += 1_001 + exponential(session.pauseMs);
    recordNumber += 1;
  }
}

/** Addresses from the blocks that are set aside for benchmarks (198.18.0.0/15) and documents (2001:db8::/32). */
function addressOf(client) {
  if (client % 5 === 0)
    return `2001:db8:${(client >>> 16).toString(16)}:${(client & 0xffff).toString(16)}::1`;
  return `198.${18 + ((client >>> 16) & 1)}.${(client >>> 8) & 255}.${client & 255}`;
}

function timeText(timeMs) {
  const time = new Date(timeMs);
  const two = (number) => String(number).padStart(2, "0");
  const day = `${two(time.getUTCDate())}/${MONTHS[time.getUTCMonth()]}/${time.getUTCFullYear()}`;
  return `${day}:${two(time.getUTCHours())}:${two(time.getUTCMinutes())}:${two(time.getUTCSeconds())} +0000`;
}

/** Numbers in [0, 1) that follow from the seed: Weyl steps through the mixer of MurmurHash3. */
function randomFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = state ^ (state >>> 16);
    mixed = Math.imul(mixed, 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
  };
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { values } = parseArgs({
    options: { records: { type: "string", default: "20000" }, seed: { type: "string", default: "1" } },
  });
  // Whoever reads may leave early: `node generate.mjs | head`.
  process.stdout.on("error", () => process.exit());
  const written = (text) =>
    new Promise((resolve) =>
      process.stdout.write(text) ? resolve() : process.stdout.once("drain", resolve),
    );
  const lines = [];
  for (const line of accessLog({ recordCount: Number(values.records), seed: Number(values.seed) })) {
    lines.push(line);
    if (lines.length === 1_000) await written(`${lines.splice(0).join("\n")}\n`);
  }
  if (lines.length > 0) await written(`${lines.join("\n")}\n`);
}
