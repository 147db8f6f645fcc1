export * from "./evaluate.ts";
export * from "./statistics.ts";
