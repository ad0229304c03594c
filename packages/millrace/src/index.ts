export { startMillrace } from "./start-millrace.ts";
export type { FaultToAdd, Millrace, MillraceOptions } from "./start-millrace.ts";
