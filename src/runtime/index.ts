export type { Device, Iteration } from "./backend.ts";
export { sessionCacheUse, setSessionCacheBytes } from "./cache.ts";
export * from "./compile.ts";
export * from "./devices.ts";
export * from "./errors.ts";
export * from "./file.ts";
export * from "./over-lanes.ts";
