/** The formulas of the theory, by subject. */
export * as batches from "./batches.ts";
export * as chains from "./chains.ts";
export * as control from "./control.ts";
export * as expansion from "./expansion.ts";
export * as flow from "./flow.ts";
export * as inner from "./inner.ts";
export * as linearRegression from "./linear-regression.ts";
export * as logistic from "./logistic.ts";
export * as meanEstimation from "./mean-estimation.ts";
export * as oneStep from "./one-step.ts";
export * as ridge from "./ridge.ts";
export * as stationary from "./stationary.ts";
export * as vectors from "./vectors.ts";
export * as weakOrder from "./weak-order.ts";
