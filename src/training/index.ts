export * from "./checkpoint.ts";
export * from "./defense.ts";
export { none } from "./defenses/none.ts";
export { fgsmRs, type PgdDefenseOptions, pgd as pgdTraining } from "./defenses/pgd.ts";
export * from "./inner-ascent.ts";
export * from "./loop.ts";
export * from "./optimizers.ts";
export { type Schedule, type ScheduleName, type ScheduleSettings, schedule, scheduleNames } from "./schedules.ts";
export * from "./update.ts";
