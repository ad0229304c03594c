export { listen } from "./listen.ts";
export type { Listener, ListenerStats, ListenOptions } from "./listen.ts";
export { LISTENER_LIMITS } from "./limits.ts";
export type { ListenerLimits } from "./limits.ts";
export { ConnectionDropped } from "./refusal.ts";
export { LOCAL_HOSTS, selfSignedCertificate } from "./self-signed-certificate.ts";
export type { SelfSigned, SelfSignedOptions } from "./self-signed-certificate.ts";
