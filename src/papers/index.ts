/**
 * The laboratories by name. A paper is a folder whose `index.ts` exports its `laboratory`; it is listed here, loaded only when it is asked for,
 * and that is all: `saddle reproduce NAME`, its report and its claims follow.
 */
import type { Laboratory } from "./laboratory.ts";

/** What the module of a laboratory exports. */
export interface LaboratoryModule {
  laboratory: Laboratory<unknown>;
}

/** Every paper's laboratory, in the order in which `saddle reproduce all` runs them. */
export const laboratories: Readonly<Record<string, () => Promise<LaboratoryModule>>> = {};
