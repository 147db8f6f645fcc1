export * from "./random.ts";
export * from "./tensor.ts";
