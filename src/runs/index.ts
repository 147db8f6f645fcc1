/** The run directory and the processes that fill it. */
export * from "./bench.ts";
export * from "./errors.ts";
export * from "./evaluation-pieces.ts";
export * from "./evaluation-report.ts";
export * from "./files.ts";
export * from "./job.ts";
export * from "./lock.ts";
export * from "./machine.ts";
export * from "./models.ts";
export * from "./open-model.ts";
export * from "./open-oracle.ts";
export * from "./oracle-lanes.ts";
export * from "./training-run.ts";
export * from "./training-settings.ts";
export * from "./witnesses.ts";
