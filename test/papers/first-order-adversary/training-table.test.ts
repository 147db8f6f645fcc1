/**
 * The specification's table of adversarial training (§2.4, ρ = .05), all ten rows, against means of three seeds.
 *
 * Tolerance: 10 % and half a unit of the last digit. From seed to seed a loss varies by some 4 to 16 %, so a mean of three strays by up to 9 %, and so does
 * the specification's figure, whose number of seeds is not said. The learning rates' conventions differ by factors of 2 to 12 where they matter.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { trainAdversarially } from "../../../src/papers/first-order-adversary/adversarial-training.ts";
import { key } from "../../../src/tensor/index.ts";
import { printed } from "./sampling.ts";

const [seeds, threshold, share] = [3, 0.3, 0.1];

/** Convention, c, learning rate, and as printed: loss at start / epoch 5 / epoch 59, first epoch with loss ≤ .3 */
const table = `
  10/c²   .1   .539   .249   .237   2
  10/c²   .3   .633   .252   .214   3
  10/c²   1    .930   .330   .091   7
  10/c²   3    1.33   .936   .138   30
  10/c²   10   1.87   1.75   .90    never
  10      .1   .539   .521   .422   never
  10      .3   .633   .491   .256   32
  10      1    .930   .330   .091   7
  10      3    1.33   .178   .040   3
  10      10   1.87   .138   .020   2`
  .trim()
  .split("\n")
  .map((line) => {
    const [convention, c, start, five, end, first] = line.trim().split(/\s+/);
    const rate = convention === "10" ? 10 : 10 / Number(c) ** 2;
    return { convention, c: Number(c), rate, losses: { 0: start, 5: five, 59: end }, first };
  });

describe.each(table)("learning rate $convention, c = $c", ({ c, rate, losses, first }) => {
  const mean = () => curves.get(`${c} ${rate}`) as number[];

  it.each(Object.entries(losses))("epoch %s: loss %s", (epoch, text) => {
    const { value, half } = printed(text);
    expect(Math.abs(mean()[Number(epoch)] - value)).toBeLessThanOrEqual(share * value + half);
  });

  it(`loss ≤ .3 first: ${first}`, () => {
    // Where the mean curve, a tenth lower or higher, crosses the level: in a flat curve a tenth is many epochs.
    const crossing = (factor: number) => {
      const epoch = mean().findIndex((loss) => factor * loss <= threshold);
      return epoch < 0 ? Number.POSITIVE_INFINITY : epoch;
    };
    const theirs = first === "never" ? Number.POSITIVE_INFINITY : Number(first);
    expect(theirs).toBeGreaterThanOrEqual(crossing(1 - share));
    expect(theirs).toBeLessThanOrEqual(crossing(1 + share));
  });
});

/** Mean loss per epoch, by scale and rate; the two conventions meet at c = 1. */
const curves = new Map<string, number[]>();
beforeAll(async () => {
  const cells = new Map(table.map(({ c, rate }) => [`${c} ${rate}`, { c, learningRate: rate }]));
  const runs = [...cells.values()].flatMap((cell) => Array.from({ length: seeds }, (_, seed) => ({ ...cell, seed })));
  const found = await trainAdversarially(runs, { key: key(7), rho: 0.05 });
  for (const [i, name] of [...cells.keys()].entries()) {
    const own = found.slice(i * seeds, (i + 1) * seeds);
    curves.set(
      name,
      own[0].map((_, t) => own.reduce((sum, curve) => sum + curve[t], 0) / seeds),
    );
  }
}, 120_000);
