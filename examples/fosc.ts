/**
 * The laboratory of FOSC at sizes of one's own: the drawn digits of `--quick`, with more of them, longer, and with three seeds.
 *
 *     saddle reproduce ./examples/fosc.ts --out results/fosc-digits
 */
import { experiment, type FoscLab, fosc, settings } from "../src/papers/fosc/index.ts";
import type { Laboratory } from "../src/papers/index.ts";

const { quick } = settings;
const [digits] = quick.problems;
const [{ methods }] = digits.runs;
const single = methods.filter((method) => /-q|-step/.test(method));

export const laboratory: Laboratory<FoscLab> = {
  ...fosc,
  setUp: `${fosc.setUp} Here instead: 4,000 drawn digits of 14×14 pixels, 500 to test, a quarter of the network, ε = 0.15, 8 epochs, three seeds (one for the variants and step sizes).`,
  minutes: { quick: 8 },
  run: (bench) =>
    experiment(bench, {
      ...quick,
      traced: 500,
      problems: [
        {
          ...digits,
          examples: 4000,
          testExamples: 500,
          epochs: 8,
          milestones: [3.2, 6.4],
          controlEpochs: 6.4,
          runs: [
            { methods: methods.filter((method) => !single.includes(method)), seeds: 3 },
            { methods: single, seeds: 1 },
          ],
        },
      ],
    }),
};
