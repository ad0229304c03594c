/** Control of a running server: the clock and the faults. It is for the person at this machine. */
import type { WireRequest, WireResponse } from "@millrace/wire";
import type { Faults } from "../faults/faults.ts";
import { FaultRuleError } from "../faults/fault-rule.ts";
import { parseDurationMs } from "../options/values.ts";
import { ClockFixedError, ClockNotStoredError } from "../service-time.ts";
import type { ServiceTime } from "../service-time.ts";
import { strangerReason } from "./guard.ts";
import { errorAnswer, jsonAnswer } from "./json-answer.ts";

export interface ControlOptions {
  readonly dev: boolean;
  readonly time: ServiceTime;
  readonly faults: Faults;
  /** Machine time. */
  readonly machineNowMs: () => number;
}

/** A century: further and dates stop being written as clients expect. */
const ADVANCE_MAX_MS = 100 * 365 * 86_400_000;

export async function control(
  request: WireRequest,
  path: string,
  options: ControlOptions,
): Promise<WireResponse> {
  const denial = denialOf(request, options.dev);
  if (denial !== undefined) return errorAnswer(403, "AccessDeniedException", denial);
  try {
    const [area = "", ...rest] = path.split("/").slice(2);
    if (area === "clock") return await clock(request, rest, options);
    if (area === "faults") return faults(request, rest, options);
    return errorAnswer(
      404,
      "ResourceNotFoundException",
      `There is nothing at ${path}; there are /_millrace/clock and /_millrace/faults.`,
    );
  } catch (error) {
    if (error instanceof BadRequest || error instanceof FaultRuleError) {
      return errorAnswer(400, "ValidationException", error.message);
    }
    if (error instanceof ClockFixedError) return errorAnswer(400, "ValidationException", error.message);
    if (error instanceof ClockNotStoredError)
      return errorAnswer(503, "ServiceUnavailableException", error.message);
    throw error;
  }
}

function denialOf(request: WireRequest, dev: boolean): string | undefined {
  if (!dev) return "The clock and faults can be controlled only when the server was started with --dev.";
  return strangerReason(request);
}

async function clock(
  request: WireRequest,
  rest: readonly string[],
  { time, machineNowMs }: ControlOptions,
): Promise<WireResponse> {
  const shown = () => {
    const nowMs = time.clock.nowMs();
    return { nowMs, offsetMs: time.clock.offsetMs(), machineMs: machineNowMs() };
  };
  if (rest.length === 0 && request.method === "GET") return jsonAnswer(200, shown());
  if (rest.join("/") === "advance" && request.method === "POST") {
    await time.advance(durationOf(jsonBody(request)));
    return jsonAnswer(200, shown());
  }
  return wrongMethod(request, "GET /_millrace/clock, POST /_millrace/clock/advance");
}

function durationOf(body: unknown): number {
  const { durationMs, duration } = (body ?? {}) as { durationMs?: unknown; duration?: unknown };
  const given = durationMs ?? (typeof duration === "string" ? parseDurationMs(duration) : undefined);
  if (typeof given !== "number" || !Number.isInteger(given)) {
    throw new BadRequest('Say how far, as {"duration": "25h"} or {"durationMs": 90000000}.');
  }
  if (given < 0) throw new BadRequest("Service time only goes forward: the duration must not be negative.");
  if (given > ADVANCE_MAX_MS)
    throw new BadRequest("The clock cannot be moved by more than a hundred years at once.");
  return given;
}

function faults(
  request: WireRequest,
  rest: readonly string[],
  { faults: inForce }: ControlOptions,
): WireResponse {
  const [idText] = rest;
  if (rest.length === 0) {
    if (request.method === "GET") return jsonAnswer(200, { faults: inForce.list() });
    if (request.method === "POST") return jsonAnswer(201, inForce.add(jsonBody(request)));
    if (request.method === "DELETE") {
      inForce.clear();
      return jsonAnswer(200, { faults: [] });
    }
  }
  if (rest.length === 1 && request.method === "DELETE") {
    if (!inForce.remove(Number(idText)))
      return errorAnswer(404, "ResourceNotFoundException", `There is no fault ${idText}.`);
    return jsonAnswer(200, { faults: inForce.list() });
  }
  return wrongMethod(request, "GET, POST and DELETE /_millrace/faults, DELETE /_millrace/faults/ID");
}

function wrongMethod(request: WireRequest, known: string): WireResponse {
  return errorAnswer(
    405,
    "MethodNotAllowedException",
    `${request.method} is not for this path; there are ${known}.`,
  );
}

function jsonBody(request: WireRequest): unknown {
  try {
    return JSON.parse(Buffer.from(request.body).toString("utf8"));
  } catch {
    throw new BadRequest("The body is not JSON.");
  }
}

class BadRequest extends Error {}
