/** Lowering: the last passes before a graph goes to the engine, from canonical operators to what runs fast (or at all) on a device. */
import type { Value } from "../../graph/index.ts";
import type { Rule } from "../../onnx/rules.ts";
import type { Device } from "../backend.ts";
import { supplyMissing } from "./missing.ts";

export interface Target {
  readonly device: Device;
}

export type LoweringPass = (outputs: readonly Value[], target: Target) => Value[];

const passes: readonly LoweringPass[] = [supplyMissing];

/** How operators are written that only lowering makes. */
export const runtimeRules: ReadonlyMap<string, Rule> = new Map();
/** Versions of the operator sets that lowering uses. */
export const runtimeDomains: Readonly<Record<string, number>> = {};

/** The outputs in the forms that the target runs. The result is never differentiated. */
export function lower(outputs: readonly Value[], target: Target): Value[] {
  return passes.reduce<Value[]>((values, pass) => pass(values, target), [...outputs]);
}
