export * from "./aligned.ts";
export * from "./random.ts";
export * from "./random-fill.ts";
export * from "./tensor.ts";
