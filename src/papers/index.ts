/**
 * The laboratories by name. A paper is a folder whose `index.ts` exports its laboratory; it is listed here, loaded only when it is asked for,
 * and that is all: `saddle reproduce NAME`, its report and its claims follow.
 */
import type { Laboratory } from "./laboratory.ts";

export type { Bench, Claim, Laboratory, Measurement, Mode, Provenance } from "./laboratory.ts";

/** Every paper's laboratory, in the order in which `saddle reproduce all` runs them. */
export const laboratories: Readonly<Record<string, () => Promise<Laboratory<unknown>>>> = {
  "continuous-time": async () => (await import("./continuous-time/index.ts")).continuousTime,
  "ntk-convergence": async () => (await import("./ntk-convergence/index.ts")).ntkConvergence,
  "operator-norm": async () => (await import("./operator-norm/index.ts")).operatorNormLaboratory,
  "first-order-adversary": async () => (await import("./first-order-adversary/index.ts")).firstOrderAdversary,
  fosc: async () => (await import("./fosc/index.ts")).fosc,
};
