export { type ExternalData, isConfined } from "./decode.ts";
export * from "./errors.ts";
export * from "./export.ts";
export { refusals, rules } from "./import/index.ts";
export { straightThrough } from "./import/quantization.ts";
export * from "./model.ts";
export type { ReadOptions } from "./parse.ts";
export * from "./read.ts";
