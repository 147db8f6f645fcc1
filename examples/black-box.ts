/**
 * A model that only predicts: here a rule in a function of one's own, but it could as well ask a service. What is needed is its input domain.
 *
 *     npx tsx examples/black-box.ts
 *
 * On the command line the same is `saddle evaluate http://… --data … --eps …` for a service, and `saddle evaluate trees.onnx …` for a file.
 */
import { blackBox, evaluate, hopSkipJump, key, type Tensor, tensor } from "../src/index.ts";
import { uniform } from "../src/tensor/index.ts";

/** Is a point of the unit square inside the circle of radius 0.3 around its middle? Scores of "no" and "yes". */
function scores({ data, shape: [count] }: Tensor<"float32">): number[][] {
  return Array.from({ length: count }, (_, i) => {
    const inside = 0.3 - Math.hypot(data[2 * i] - 0.5, data[2 * i + 1] - 0.5);
    return [-inside, inside];
  });
}

const model = blackBox(scores, { inputShape: [2], classes: 2, domain: { low: 0, high: 1 } });
const x = tensor(uniform(key(1), [200, 2]).data, [200, 2]);
const labels = scores(x).map(([no, yes]) => (yes > no ? 1 : 0));

const { robust, attacks } = await evaluate(model, { x, labels }, { norm: "linf", epsilon: 0.05 });
console.log(`L∞ ε = 0.05: ${(100 * robust.value).toFixed(1)} % stand ${attacks.map(({ attack }) => attack)}`);

const [{ distances }] = await hopSkipJump({ steps: 10 })(model, x, labels, { norm: "l2" });
const exact = Array.from(labels, (_, i) => Math.abs(0.3 - Math.hypot(x.data[2 * i] - 0.5, x.data[2 * i + 1] - 0.5)));
const ratios = Array.from(distances, (found, i) => found / exact[i]).sort((a, b) => a - b);
console.log(
  `L2: HopSkipJump finds ${ratios[100].toFixed(3)} times the exact distance in the median, ${ratios[190].toFixed(3)} in the worst twentieth`,
);
