export { nodeWorld } from "./node-world.ts";
export { run } from "./start.ts";
export type { Output, ReachOptions, World } from "./world.ts";
