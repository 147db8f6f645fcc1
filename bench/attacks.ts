/**
 * Every attack of AutoAttack alone, with FGSM and PGD-50 of ten restarts before and the whole after, on the first test images of MNIST:
 *
 *     npx tsx bench/attacks.ts MODEL [linf|l2] [EPSILON] [IMAGES] [LANES]
 *
 * MODEL is an ONNX file or the directory of a training run; SADDLE_DATA names the data.
 */
import { type Attack, apgd, apgdTargeted, fabTargeted, fgsm, type Norm, pgd, square } from "../src/attacks/index.ts";
import { take } from "../src/data/index.ts";
import { loadData } from "../src/data/node/index.ts";
import { evaluate } from "../src/evaluation/index.ts";
import { openOracle, withLanes } from "../src/runs/index.ts";

const [target, norm = "linf", epsilon = "0.3", images = "200", lanes = "2"] = process.argv.slice(2);
const data = take(await loadData("mnist", { split: "test" }), Number(images));
const options = { threads: 1 };
const { oracle } = await openOracle(target, data, options);
const wide = withLanes(oracle, Number(lanes), { target, data, options });
const rows: [string, Attack[] | undefined][] = [
  ["FGSM", [fgsm()]],
  ["PGD-50, 10 restarts", [pgd({ steps: 50, restarts: 10 })]],
  ["APGD-CE", [apgd()]],
  ["APGD-T", [apgdTargeted()]],
  ["FAB-T", [fabTargeted()]],
  ["Square", [square()]],
  ["AutoAttack", undefined],
];
console.log("| attack | standing | s | forward | gradient |\n|---|---|---|---|---|");
const standing: number[] = [];
for (const [name, attacks] of rows) {
  const {
    clean,
    robust,
    seconds,
    attacks: ran,
  } = await evaluate(wide, data, { norm: norm as Norm, epsilon: Number(epsilon) }, { attacks });
  if (standing.length === 0) console.log(`| none | ${clean.count} | | | |`);
  const sum = (of: (one: (typeof ran)[number]) => number) => ran.reduce((total, one) => total + of(one), 0);
  console.log(
    `| ${name} | ${robust.count} | ${seconds.toFixed(1)} | ${sum((one) => one.forwardEvaluations)} | ${sum((one) => one.gradientEvaluations)} |`,
  );
  standing.push(robust.count);
}
console.log(`AutoAttack leaves ${standing.at(-1)} standing, the best attack alone ${Math.min(...standing.slice(0, -1))}`);
await wide.release();
