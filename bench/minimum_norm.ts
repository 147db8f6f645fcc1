/**
 * Medians of the least L2 perturbations that the minimum-norm attacks find on one model, over the examples it classifies correctly:
 *
 *     npx tsx bench/minimum_norm.ts MODEL [IMAGES] [ATTACK[:parameter=value,…] …]
 *
 * MODEL is an ONNX file or the directory of a training run on MNIST; SADDLE_DATA names the data. Without attacks, those of `usual` run.
 */
import { type Attack, type AttackName, catalogue, modelOracle, runAttack } from "../src/attacks/index.ts";
import { take, whole } from "../src/data/index.ts";
import { loadData } from "../src/data/node/index.ts";
import { openModel } from "../src/runs/index.ts";
import { key } from "../src/tensor/index.ts";

const usual = ["ddn", "fmn", "fab", "fab-t", "carlini-wagner:steps=1000,rate=0.05,constant=0.1", "ddn:startSteps=0", "fmn:startSteps=0"];
const [target, images = "100", ...wanted] = process.argv.slice(2);
const { x, y } = whole(take(await loadData("mnist", { split: "test" }), Number(images)));
const oracle = modelOracle(openModel(target).model, { threads: 1 });
const medians = new Map<string, number>();
for (const text of wanted.length > 0 ? wanted : usual) {
  const began = process.cpuUsage();
  const result = await runAttack(
    oracle,
    parse(text),
    { x, labels: y.data },
    { norm: "l2", epsilon: Number.POSITIVE_INFINITY },
    { key: key(0) },
  );
  const { user, system } = process.cpuUsage(began);
  const found = [...result.success.keys()].filter((i) => result.cleanPredictions[i] === y.data[i]);
  const lengths = found.map((i) => (result.success[i] ? result.distances[i] : Number.POSITIVE_INFINITY)).sort((a, b) => a - b);
  medians.set(text, lengths[lengths.length >> 1]);
  const mean = (of: ArrayLike<number>) => found.reduce((total, i) => total + of[i], 0) / found.length;
  console.log(text, {
    median: lengths[lengths.length >> 1].toFixed(4),
    failed: lengths.filter((length) => length === Number.POSITIVE_INFINITY).length,
    gradients: Math.round(mean(result.gradientEvaluations)),
    forwards: Math.round(mean(result.forwardEvaluations)),
    processor: ((user + system) / 1e6).toFixed(1),
  });
}
const least = Math.min(...medians.values());
for (const [text, median] of medians) console.log(text, `${((median / least - 1) * 100).toFixed(1)} % above the least median`);
await oracle.release();

function parse(text: string): Attack {
  const [name, rest = ""] = text.split(":");
  const parameters = Object.fromEntries(
    rest
      .split(",")
      .filter(Boolean)
      .map((pair) => pair.split("=").map((part, i) => (i === 1 ? Number(part) : part))),
  );
  return catalogue[name as AttackName](parameters);
}
