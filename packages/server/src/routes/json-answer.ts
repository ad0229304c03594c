import type { WireResponse } from "@millrace/wire";

export function jsonAnswer(status: number, value: unknown): WireResponse {
  return {
    status,
    headers: { "content-type": "application/json", "cache-control": "no-store" },
    body: Buffer.from(`${JSON.stringify(value)}\n`),
  };
}

/** An error in the form that AWS clients know. */
export function errorAnswer(status: number, type: string, message: string): WireResponse {
  return jsonAnswer(status, { __type: type, message });
}
