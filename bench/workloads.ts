/** The steps of adversarial training that the engine is measured on. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { add, clip, constant, grad, input, logSoftmax, max, min, mul, neg, oneHot, sign, sub, sum } from "../src/graph/index.ts";
import { architecture, importModel, type Model } from "../src/models/index.ts";
import { readOnnxFile } from "../src/onnx/node/index.ts";
import { type CompileOptions, compile } from "../src/runtime/index.ts";
import { aligned, alignedCopies, cast, integers, key, type Tensor, tensor, uniform } from "../src/tensor/index.ts";

export interface Workload {
  readonly network: keyof typeof batches;
  readonly batch: number;
  /**
   * "attack": one step of PGD on a network whose weights are constants, as in evaluation; "train": `steps` of them, with weights that change, and one
   * step of SGD.
   */
  readonly kind: "attack" | "train";
  readonly steps: number;
}

/** The built-in networks (preact-resnet-18 of width 16), and torchvision's ResNet-18 for images of 64×64, imported from ONNX. */
const batches = { "small-cnn": 128, "mnist-fast": 100, "cnn-8": 64, "preact-resnet-18": 64, "resnet-18-imported": 32 } as const;

/** Of each network NETWORK-attack and NETWORK-train-K. */
export const workloads: Readonly<Record<string, Workload>> = Object.fromEntries(
  (Object.keys(batches) as (keyof typeof batches)[]).flatMap((network): [string, Workload][] => [
    [`${network}-attack`, { network, batch: batches[network], kind: "attack", steps: 1 }],
    ...[10, 1, 0].map((steps): [string, Workload] => [
      `${network}-train-${steps}`,
      { network, batch: batches[network], kind: "train", steps },
    ]),
  ]),
);

/** A network with weights. PyTorch writes the file of the imported one on the fly. */
function modelOf(network: Workload["network"]): Model {
  if (network !== "resnet-18-imported")
    return architecture(network, network === "preact-resnet-18" ? { width: 16 } : {}).initialize(key(0));
  const folder = mkdtempSync(join(tmpdir(), "workload-"));
  const path = join(folder, "model.onnx");
  const script = new URL("engine_torch.py", import.meta.url).pathname;
  const made = spawnSync("/usr/bin/python3", [script, "export", network, path], { encoding: "utf8" });
  if (made.status !== 0) throw new Error(`PyTorch could not write ${network}: ${made.stderr}`);
  const model = importModel(readOnnxFile(path), { domain: { low: 0, high: 1 } });
  rmSync(folder, { recursive: true });
  return model;
}

export type Programs = Awaited<ReturnType<typeof programs>>;

/** The two programs of a workload's network at its batch size, with data. */
export async function programs({ network, batch, kind }: Workload, options: CompileOptions = {}) {
  const { network: net, weights } = modelOf(network);
  const x = input("x", [batch, ...net.inputShape]);
  const start = input("start", x.shape);
  const y = input("y", [batch], "int64");
  const parameters = Object.fromEntries(Object.entries(weights).map(([name, w]) => [name, input(name, w.shape)]));
  const loss = (mode: "inference" | "training", own = parameters) =>
    neg(sum(mul(logSoftmax(net.apply(x, own, mode).logits), oneHot(y, net.classes))));
  const fixed = Object.fromEntries(Object.entries(weights).map(([name, w]) => [name, constant(w)]));
  const moved = add(x, mul(sign(grad(loss("inference", kind === "attack" ? fixed : parameters), x)), 0.01));
  const next = clip(min(max(moved, sub(start, 0.3)), add(start, 0.3)), { low: 0, high: 1 });
  const trained = Object.keys(weights).filter((name) => net.weights[name].role === "trained");
  const gradients = grad(
    mul(loss("training"), 1 / batch),
    trained.map((name) => parameters[name]),
  );
  const updated = Object.fromEntries(trained.map((name, i) => [name, sub(parameters[name], mul(gradients[i], 0.01))]));
  const profiled = (part: string) => (options.profile === undefined ? options : { ...options, profile: `${options.profile}-${part}` });
  return {
    feeds: {
      ...alignedCopies({ ...weights, x: cast(uniform(key(1), x.shape), "float32") as Tensor }),
      y: tensor(integers(key(2), batch, net.classes), [batch], "int64"),
    } as Record<string, Tensor>,
    /** Memory that the steps of an attack write their points to in turn. */
    points: [aligned(x.shape), aligned(x.shape)],
    /** Memory that the next training step writes the new weights to. */
    spare: alignedCopies(Object.fromEntries(trained.map((name) => [name, weights[name] as Tensor]))),
    attack: await compile(
      { x, start, y, ...parameters },
      { next },
      { ...profiled("attack"), held: kind === "train" ? Object.keys(weights) : [] },
    ),
    train: await compile({ x, y, ...parameters }, updated, profiled("train")),
  };
}

/** One run of a workload. */
export async function runOnce({ kind, steps }: Workload, made: Programs): Promise<void> {
  const { feeds, attack, train, spare, points } = made;
  let x = feeds.x;
  const { x: start, y, ...weights } = feeds;
  if (kind === "train" && steps > 0) await attack.hold(weights);
  for (let step = 0; step < steps; step++) ({ next: x } = await attack.run({ x, start, y }, { next: points[step % 2] }));
  if (kind !== "train") return;
  const before = Object.fromEntries(Object.keys(spare).map((name) => [name, feeds[name]]));
  Object.assign(feeds, await train.run({ ...feeds, x }, spare));
  made.spare = before;
}

/** Milliseconds of each of several runs: of wall time, or of this process's processor time. */
export async function timed(workload: Workload, made: Programs, runs: number, cpu = false): Promise<number[]> {
  const now = () => (cpu ? (process.cpuUsage().user + process.cpuUsage().system) / 1000 : performance.now());
  const times: number[] = [];
  for (let i = 0; i < runs; i++) {
    const start = now();
    await runOnce(workload, made);
    times.push(now() - start);
  }
  return times;
}

export function median(times: readonly number[]): number {
  return [...times].sort((a, b) => a - b)[times.length >> 1];
}
