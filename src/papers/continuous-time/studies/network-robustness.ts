/** R1.6 (network): vulnerability and loss of a small network at the end of training, over inner steps K and step sizes α. */
import { type Adversary, SGD } from "../../../analysis/adversarial-direction.ts";
import { observe, trainCopies } from "../../../analysis/sde-training.ts";
import { type Bench, claim } from "../../laboratory.ts";
import { noisyWave, starts, tanhRegression } from "./learners.ts";
import { mean, standardError, study } from "./study.ts";

const learner = tanhRegression(2, 4);
/** Small enough that no copy comes to the edge of stability, where it would jump to another minimum. */
const η = 0.05;

interface End {
  α: number;
  K: number;
  /** One per start. */
  G: number[];
  L: number[];
}

interface Result {
  seeds: number;
  /** Steps by SGD, and steps by each adversary from there. */
  before: number;
  steps: number;
  /** Growing K at fixed α, and growing α at fixed K, both from SGD on. */
  byK: End[];
  byα: End[];
}

/** Full-batch training of every copy by one adversary: the weights at the end. */
async function train({ α, K }: Adversary, from: ArrayLike<number>, seeds: number, steps: number, bench: Bench): Promise<Float64Array> {
  const options = { η, batch: "all", adversary: { α, K }, copies: seeds, steps, key: bench.key } as const;
  return (await trainCopies(learner, dataOf(bench), from, options))[1].X;
}

const dataOf = (bench: Bench) => noisyWave(bench.key.fold("network robustness"), 64, 2);

/** Paired drops of G between neighbours, in standard errors over the starts. */
function drops(ends: readonly End[]): number[] {
  return ends.slice(1).map(({ G }, i) => {
    const drop = G.map((v, seed) => ends[i].G[seed] - v);
    return mean(drop) / standardError(drop);
  });
}

export const networkRobustness = study<Result>({
  name: "network-robustness",
  share: 12,
  run: async (bench) => {
    const quick = bench.mode === "quick";
    const [seeds, before, steps] = quick ? [10, 8000, 2000] : [24, 80_000, 40_000];
    const start = await bench.remember("network-robustness: before", async () => {
      const drawn = starts(learner, bench.key.fold("network robustness weights"), seeds);
      return [...(await train(SGD, drawn, seeds, before, bench))];
    });
    const at = ({ α, K }: Adversary) =>
      bench.remember(`network-robustness: α = ${α}, K = ${K}`, async (): Promise<End> => {
        const { loss, vulnerability } = await observe(learner, dataOf(bench), await train({ α, K }, start, seeds, steps, bench));
        return { α, K, G: [...vulnerability], L: [...loss] };
      });
    const sgd = await at(SGD);
    const common = await at({ α: 0.02, K: 2 });
    const byK = [sgd, await at({ α: 0.02, K: 1 }), common, await at({ α: 0.02, K: 4 })];
    const byα = [sgd, await at({ α: 0.01, K: 2 }), common, await at({ α: 0.04, K: 2 })];
    return { seeds, before, steps, byK, byα };
  },
  claims: [
    claim<Result>({
      id: "R1.6-network",
      statement:
        "The same for a small network, trained on all examples at once by gradient descent and then, from its minimum, by every adversary: G ends smaller than where gradient descent goes on, L larger, and G falls in K and in α",
      provenance: "derived",
      criterion: "over ≥ 5 starts: mean L_AT ≥ mean L_SGD, and G drops by more than 2 standard errors from each K and each α to the next",
      measure: ({ byK, byα, seeds, before, steps }) => {
        const all = [...drops(byK), ...drops(byα)];
        const rises = [...byK, ...byα].every(({ L }) => mean(L) >= mean(byK[0].L));
        return {
          measured: {
            "G by K": byK.map(({ G }) => mean(G).toFixed(4)).join(" → "),
            "G by α": byα.map(({ G }) => mean(G).toFixed(4)).join(" → "),
            "L by K": byK.map(({ L }) => mean(L).toFixed(4)).join(" → "),
            "smallest drop of G in standard errors": Math.min(...all),
          },
          holds: seeds >= 5 && rises && all.every((drop) => drop > 2),
          note: `tanh network 2–4–1, 64 noisy examples, ${seeds} starts, each trained for ${before} full-batch steps of ${η} without an adversary and ${steps} more with every one, and without; drops are paired by start`,
        };
      },
    }),
  ],
  figures: ({ byK, byα }) =>
    (
      [
        ["K", "α = 0.02", byK, (e: End) => e.K],
        ["α", "K = 2", byα, (e: End) => e.α],
      ] as const
    ).map(([name, fixed, ends, at]) => ({
      kind: "chart",
      title: `Robustness of a network at the end of training against ${name}, ${fixed}`,
      caption: "Means over starts with their spread of ±1 standard error: vulnerability falls, clean loss rises.",
      x: { label: name },
      y: { label: "value" },
      series: (["G", "L"] as const).map((quantity) => ({
        name: quantity,
        x: ends.map(at),
        y: ends.map((e) => mean(e[quantity])),
        low: ends.map((e) => mean(e[quantity]) - standardError(e[quantity])),
        high: ends.map((e) => mean(e[quantity]) + standardError(e[quantity])),
      })),
    })),
});
