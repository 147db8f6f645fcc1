/** AutoAttack (Croce & Hein 2020): attacks without anything to tune that run one after the other, each on what still stands. */
import { apgd, apgdTargeted } from "./apgd.ts";
import type { Attack } from "./attack.ts";
import { fab, fabTargeted } from "./fab.ts";
import { hopSkipJump } from "./hop-skip-jump.ts";
import { AttackError, type Knowledge, type Oracle } from "./oracle.ts";
import { spsa } from "./score-based.ts";
import { square } from "./square.ts";
import type { Norm } from "./threat.ts";

/** "standard"; "plus" with restarts and untargeted FAB; "rand" for randomized models, whose oracle averages (`expectation`). */
export const autoAttackVersions = ["standard", "plus", "rand"] as const;
export type AutoAttackVersion = (typeof autoAttackVersions)[number];

export interface Ensemble {
  readonly attacks: readonly Attack[];
  /** What was left out or changed for this model, and why. */
  readonly notes: readonly string[];
}

/**
 * The attacks of a version, in the published order. The DLR loss needs 3 classes and its targeted form 4: with 3 classes the targeted attack ascends
 * z_t − z_y instead, with 2 the margin takes the place of DLR. Square is defined in L∞ and L2 only. A model that only predicts is attacked without
 * gradients, by Square where it gives scores and is a picture's, or in L∞, else by SPSA or HopSkipJump.
 */
export function autoAttack(
  version: AutoAttackVersion,
  norm: Norm,
  { classes, inputShape, gives }: Pick<Oracle, "classes" | "inputShape" | "gives">,
): Ensemble {
  if (norm === "l0") throw new AttackError("AutoAttack is defined for linf, l2 and l1; in l0 use fmn");
  const notes: string[] = [];
  const pictures = norm !== "l2" || (inputShape.length >= 2 && inputShape.slice(-2).every((extent) => extent >= 5));
  if (gives !== "gradients") return withoutGradients(norm, gives, pictures);
  const targets = Math.min(norm === "l1" && version === "standard" ? 5 : 9, classes - 1);
  const fabTargets = Math.min(9, classes - 1);
  if (classes < 4) notes.push(`${classes} classes: ${classes < 3 ? "the margin stands in for" : "z_t − z_y stands in for targeted"} DLR`);
  const ce = (restarts: number) => apgd({ restarts });
  const dlr = (restarts: number) => apgd({ loss: classes < 3 ? "margin" : "dlr", restarts });
  const targeted = apgdTargeted({ loss: classes < 4 ? "difference" : "targeted-dlr", targetClasses: targets });
  const fast = fabTargeted({ targetClasses: fabTargets });
  const squares = norm === "l1" || !pictures ? [] : [square()];
  if (squares.length === 0)
    notes.push(`Square is left out: it is ${norm === "l1" ? "defined in linf and l2" : "defined in l2 for pictures from 5 × 5"}`);
  if (version === "rand") return { attacks: [ce(1), dlr(1)], notes: notes.filter((note) => !note.startsWith("Square")) };
  if (version === "plus") return { attacks: [ce(5), dlr(5), fab({ restarts: 5 }), ...squares, targeted, fast], notes };
  return { attacks: [ce(norm === "l1" ? 5 : 1), targeted, fast, ...squares], notes };
}

/** The strongest that a model which only predicts can be asked for. */
function withoutGradients(norm: Norm, gives: Knowledge, pictures: boolean): Ensemble {
  const chosen = gives === "scores" && norm !== "l1" && pictures ? square() : norm === "l1" ? spsa() : hopSkipJump();
  if (gives === "classes" && norm === "l1") throw new AttackError("no attack by classes alone is defined in l1: use linf or l2");
  return {
    attacks: [chosen],
    notes: [`the model gives ${gives} and no gradients: ${chosen.name} takes the place of AutoAttack, which needs them`],
  };
}
