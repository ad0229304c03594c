/** Moving the clock and spoiling answers, over the control interface of a Millrace started with `--dev`. */
export interface Controls {
  /** Moves service time forward; resolves when everything that fell due is done. */
  advance(durationMs: number): Promise<void>;
  /** The next call of this operation (on this stream, when one is named) is answered with this error. */
  failNext(fault: { operation: string; stream?: string; code: string }): Promise<void>;
}

/** Whether a Millrace is behind the endpoint. */
export const isMillrace = (endpoint: string): Promise<boolean> =>
  fetch(new URL("/_millrace/health", endpoint)).then(
    (response) => response.ok,
    () => false,
  );

/** Undefined when the endpoint has no such interface: then it is not ours, or not in development mode. */
export async function controlsOf(endpoint: string): Promise<Controls | undefined> {
  const post = async (path: string, body: object) => {
    const response = await fetch(new URL(path, endpoint), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
  };
  try {
    await post("/_millrace/clock/advance", { durationMs: 1 });
  } catch {
    return undefined;
  }
  return {
    advance: (durationMs) => post("/_millrace/clock/advance", { durationMs }),
    failNext: (fault) => post("/_millrace/faults", { ...fault, kind: "fail", share: 1, count: 1 }),
  };
}
