/**
 * What a run can be told, all by environment variables:
 *
 * | variable | meaning | default |
 * |---|---|---|
 * | `SEED` | choices of the run: delays, sizes, what a drive keeps | fresh, printed |
 * | `ROUNDS` | rounds of the suites that crash again and again | small |
 * | `SCALE_BYTES` | what the suite of many bytes writes | 300e6 |
 * | `THREADS` | `--threads` of the program | 1 |
 * | `PROGRAM` | the program that is crashed | the one of this tree, built |
 * | `KEEP` | `1`: scratch directories stay also after success | unset |
 */
import { fileURLToPath } from "node:url";
import { nodeRuntime, seededRandom, type Random } from "@millrace/runtime";

export const runtime = nodeRuntime({ logLevel: "error" });

export const seed = numberOf("SEED") ?? runtime.random.below(1_000_000_000);

export const programPath =
  process.env["PROGRAM"] ??
  fileURLToPath(new URL("../../../packages/millrace/dist/main.js", import.meta.url));

export const threadCount = numberOf("THREADS") ?? 1;

export const keepScratch = process.env["KEEP"] === "1";

export function rounds(small: number): number {
  return numberOf("ROUNDS") ?? small;
}

export function scaleBytes(): number {
  return numberOf("SCALE_BYTES") ?? 300e6;
}

/** Choices for one purpose, so that a suite that draws more does not change those of another. */
export function choices(purpose: string): Random {
  let mixed = seed;
  for (const letter of purpose) mixed = (Math.imul(mixed, 31) + letter.charCodeAt(0)) | 0;
  return seededRandom(mixed);
}

/** The command that makes the same choices again. What the machine does in between is its own. */
export function howToRepeat(testFile: string): string {
  const variables = ["ROUNDS", "SCALE_BYTES", "THREADS", "PROGRAM"]
    .filter((name) => process.env[name] !== undefined)
    .map((name) => `${name}=${process.env[name]} `);
  return `to repeat: SEED=${seed} ${variables.join("")}` + `npm run test:crash -- ${testFile}`;
}

function numberOf(name: string): number | undefined {
  const text = process.env[name];
  if (text === undefined || text === "") return undefined;
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0) throw new Error(`${name} must be a number, not ${text}`);
  return value;
}
