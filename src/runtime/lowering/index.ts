/** Lowering: the last passes before a graph goes to the engine, from canonical operators to what runs fast (or at all) on a device. */
import { inputsOf, shareCommon, type Value } from "../../graph/index.ts";
import type { Device } from "../backend.ts";
import { combineAffine } from "./affine.ts";
import { useBlockedLayout } from "./blocked.ts";
import { fuseIntoConvolutions } from "./fuse.ts";
import { maskBeforeUnpooling, maskBySigmoid, signByClip } from "./masks.ts";
import { useGemm } from "./matrices.ts";
import { supplyMissing } from "./missing.ts";
import { shareMaxima } from "./pooling.ts";
import { foldScales } from "./scales.ts";
import { sumByProduct } from "./sums.ts";
import { compareMaxima } from "./window-maxima.ts";

export interface Target {
  readonly device: Device;
  /** Channels per block of the processor's blocked layout; undefined where there is no such layout. */
  readonly block?: number;
  /** Inputs that change seldom: what depends on them alone is computed once for many runs. */
  readonly held?: ReadonlySet<Value>;
}

/** Whether a value depends on nothing but constants and held inputs, so that work on it costs nothing. */
export function isSettled(value: Value, { held }: Target): boolean {
  return inputsOf([value]).every((x) => held?.has(x));
}

export type LoweringPass = (outputs: readonly Value[], target: Target) => Value[];

const passes: readonly LoweringPass[] = [
  supplyMissing,
  maskBeforeUnpooling,
  compareMaxima,
  foldScales,
  combineAffine,
  maskBySigmoid,
  signByClip,
  useBlockedLayout,
  shareCommon,
  fuseIntoConvolutions,
  shareMaxima,
  sumByProduct,
  useGemm,
];

/** The outputs in the forms that the target runs. The result is never differentiated. */
export function lower(outputs: readonly Value[], target: Target): Value[] {
  return passes.reduce<Value[]>((values, pass) => pass(values, target), [...outputs]);
}
