/** Every attack by the name that a user types. */
import { apgd, apgdTargeted } from "./apgd.ts";
import type { Attack } from "./attack.ts";
import { carliniWagner } from "./carlini-wagner.ts";
import { ddn } from "./ddn.ts";
import { deepFool } from "./deepfool.ts";
import { fab, fabTargeted } from "./fab.ts";
import { fmn } from "./fmn.ts";
import { hopSkipJump } from "./hop-skip-jump.ts";
import { bim, fgsm, mifgsm, pgd } from "./pgd.ts";
import { noise, spsa } from "./score-based.ts";
import { square } from "./square.ts";

/** Constructors with the parameters of the papers; `apgd-ce` and `apgd-dlr` are Auto-PGD on the two losses. */
export const catalogue = {
  noise,
  fgsm,
  bim,
  "mi-fgsm": mifgsm,
  pgd,
  "apgd-ce": apgd,
  "apgd-dlr": (parameters: Parameters<typeof apgd>[0] = {}): Attack => apgd({ loss: "dlr", ...parameters }),
  "apgd-t": apgdTargeted,
  fab,
  "fab-t": fabTargeted,
  square,
  spsa,
  "hop-skip-jump": hopSkipJump,
  deepfool: deepFool,
  "carlini-wagner": carliniWagner,
  ddn,
  fmn,
} as const;

export type AttackName = keyof typeof catalogue;
export const attackNames = Object.keys(catalogue) as AttackName[];
