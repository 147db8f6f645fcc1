export * from "./ascent.ts";
export * from "./attack.ts";
export * from "./fosc.ts";
export * from "./losses.ts";
export * from "./oracle.ts";
export * from "./pgd.ts";
export * from "./projections.ts";
export * from "./threat.ts";
