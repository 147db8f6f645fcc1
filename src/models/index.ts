export * from "./architectures.ts";
export * from "./layers.ts";
export * from "./model.ts";
export * from "./two-layer.ts";
