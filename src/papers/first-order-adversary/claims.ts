/** The claims of §2.5, each under its number. What the paper says is its abstract; everything measured here is our derivation or set-up. */
import type { Claim } from "../laboratory.ts";
import { ascentClaims, trappingClaims } from "./claims/ascent.ts";
import { controlClaims, landscapeClaims, regularityClaims } from "./claims/landscape.ts";
import { pictureClaims } from "./claims/pictures.ts";
import { trainingClaims } from "./claims/training.ts";
import { widthClaims } from "./claims/width.ts";
import type { FirstOrderAdversaryLab } from "./experiment.ts";

export const claims: readonly Claim<FirstOrderAdversaryLab>[] = [
  ...ascentClaims,
  ...regularityClaims,
  ...widthClaims,
  ...trappingClaims,
  ...controlClaims,
  ...trainingClaims,
  ...landscapeClaims,
  ...pictureClaims,
];
