/**
 * Cost of adversarial training against the work in it, and its memory: `npx tsx bench/cost.ts [scaling] [memory]`.
 *
 * scaling: milliseconds per training step over the attack's steps K, the batch size and the width, with the exponents fitted to them
 *          (log–log least squares over the last three points, where fixed costs matter least).
 * memory:  resident memory over 1,000 training steps, which must stay flat, and its peak.
 */
import { type Dataset, digits } from "../src/data/index.ts";
import { architecture } from "../src/models/index.ts";
import { key } from "../src/tensor/index.ts";
import { pgdTraining, schedule, sgd, train } from "../src/training/index.ts";

interface Point {
  steps: number;
  batch: number;
  width: number;
}

const base: Point = { steps: 10, batch: 64, width: 256 };
const series: Readonly<Record<keyof Point, number[]>> = {
  steps: [0, 1, 2, 5, 10, 20, 40],
  batch: [8, 16, 32, 64, 128, 256],
  width: [64, 128, 256, 512, 1024, 2048],
};

const asked = process.argv.slice(2);
const data = digits({ split: "train", count: 2000 });
if (asked.length === 0 || asked.includes("scaling")) await scaling();
if (asked.length === 0 || asked.includes("memory")) await memory();

async function scaling(): Promise<void> {
  console.log("| varied (others: K = 10, batch 64, width 256; mlp, PGD, SGD) | ms per step | exponent |\n|---|---|---|");
  for (const name of Object.keys(series) as (keyof Point)[]) {
    const times: [number, number][] = [];
    for (const value of series[name]) times.push([value, await stepTime({ ...base, [name]: value }, 12)]);
    const last = times.slice(-3).map(([x, t]) => [Math.log(x), Math.log(t)]);
    console.log(`| ${name} | ${times.map(([x, t]) => `${x}: ${t.toFixed(2)}`).join(", ")} | ${slope(last).toFixed(2)} |`);
  }
}

/** Median milliseconds of a training step, after two that are not counted. */
async function stepTime(point: Point, count: number): Promise<number> {
  const times: number[] = [];
  for await (const seconds of steps(point, data)) {
    times.push(1000 * seconds);
    if (times.length >= count + 2) break;
  }
  return times.slice(2).sort((a, b) => a - b)[(times.length - 2) >> 1];
}

async function memory(): Promise<void> {
  const network = "mnist-fast";
  const readings: [number, number][] = [];
  let step = 0;
  for await (const _ of steps({ steps: 1, batch: 100, width: 0 }, data, network)) {
    if (++step % 100 === 0) readings.push([step, process.memoryUsage().rss / 2 ** 20]);
    if (step >= 1000) break;
  }
  console.log(
    `\n${network}, batch 100, PGD-1, resident MiB at step ${readings.map(([at, mib]) => `${at}: ${mib.toFixed(0)}`).join(", ")}; peak ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MiB`,
  );
}

/** Seconds of training steps, one after the other. */
async function* steps({ steps: attackSteps, batch, width }: Point, examples: Dataset, network = "mlp"): AsyncGenerator<number> {
  const model = architecture(network, network === "mlp" ? { width } : {}).initialize(key(0));
  const defense = pgdTraining({ epsilon: 0.2, steps: attackSteps });
  const run = train(model, examples, {
    defense,
    optimizer: sgd(),
    schedule: schedule("constant", { rate: 0.01, epochs: 1000 }),
    epochs: 1000,
    batchSize: batch,
    key: key(1),
    checkpointSeconds: 1e9,
  });
  for await (const event of run) if (event.type === "step") yield event.seconds;
}

function slope(points: readonly number[][]): number {
  const mean = (i: number) => points.reduce((total, point) => total + point[i], 0) / points.length;
  const [x, y] = [mean(0), mean(1)];
  return (
    points.reduce((total, point) => total + (point[0] - x) * (point[1] - y), 0) /
    points.reduce((total, point) => total + (point[0] - x) ** 2, 0)
  );
}
