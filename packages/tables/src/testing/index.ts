export { tablesInMemory } from "./tables-in-memory.ts";
