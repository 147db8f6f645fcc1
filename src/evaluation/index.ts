export * from "./classes.ts";
export * from "./curve.ts";
export * from "./evaluate.ts";
export * from "./masking.ts";
export * from "./pieces.ts";
export * from "./predict.ts";
export * from "./soundness.ts";
export * from "./statistics.ts";
