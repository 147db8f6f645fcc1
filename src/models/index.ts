export * from "./architectures.ts";
export * from "./export.ts";
export * from "./imported.ts";
export type { InputGuess, Layout } from "./input-guess.ts";
export * from "./inspect.ts";
export * from "./layers.ts";
export * from "./model.ts";
export type { InitializerRole } from "./roles.ts";
export * from "./two-layer.ts";
