export { type AgentConfig, AgentConfigError, readAgentConfig } from "./agent-config.ts";
export { type AgentStatus, type FileStatusLine, type FlowStatus, readAgentStatus } from "./agent-status.ts";
export { type Agent, type AgentOptions, AgentRunningError, startAgent } from "./agent.ts";
export { CheckpointError } from "./checkpoint-store.ts";
export type { FlowConfig } from "./flow-config.ts";
