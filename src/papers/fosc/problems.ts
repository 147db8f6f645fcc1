/** The data and the network of a problem. */
import { type Augmentation, augmentation, type Dataset, digits, take } from "../../data/index.ts";
import { loadData } from "../../data/node/index.ts";
import { type Architecture, architecture, assemble, conv, flatten, linear, maxPool, norm, relu, sequential } from "../../models/index.ts";
import type { ProblemSettings } from "./settings.ts";

export interface Problem {
  settings: ProblemSettings;
  network: Architecture;
  train: Dataset;
  test: Dataset;
  augment?: Augmentation;
}

/** @throws DataError where published data are not on this machine. */
export async function openProblem(settings: ProblemSettings): Promise<Problem> {
  const { data, examples, testExamples } = settings;
  if (data === "digits") {
    const [train, test] = [digits({ split: "train", count: examples }), digits({ split: "test", count: testExamples })];
    return { settings, network: narrowNetwork(), train: halved(train), test: halved(test) };
  }
  const [train, test] = [await loadData(data, { split: "train" }), await loadData(data, { split: "test" })];
  return {
    settings,
    network: architecture(data === "mnist" ? "mnist-cnn" : "cnn-8"),
    train: take(train, examples),
    test: take(test, testExamples),
    augment: data === "cifar10" ? augmentation({ rotate: 10, shift: 0.2, flip: true }) : undefined,
  };
}

/** The paper's MNIST network at a quarter of its channels, for pictures of 14×14. */
function narrowNetwork(): Architecture {
  const blocks = [8, 16].flatMap((channels) => [conv(channels, 3, { padding: 1, bias: false }), norm(), relu, maxPool(2)]);
  return assemble("mnist-cnn/4", sequential(...blocks, flatten, linear(64), relu, linear(10)), { inputShape: [1, 14, 14], classes: 10 });
}

/** Pictures averaged over squares of 2×2 pixels. */
function halved(data: Dataset): Dataset {
  const [count, channels, height, width] = data.inputs.shape;
  const [rows, columns] = [height / 2, width / 2];
  const pixels = new Float32Array(count * channels * rows * columns);
  for (let i = 0; i < data.inputs.data.length; i++) {
    const [plane, row, column] = [Math.floor(i / (height * width)), Math.floor(i / width) % height, i % width];
    pixels[(plane * rows + (row >> 1)) * columns + (column >> 1)] += Number(data.inputs.data[i]) / (4 * 255);
  }
  const shape = [channels, rows, columns];
  return { ...data, inputs: { dtype: "float32", shape: [count, ...shape], data: pixels }, shape };
}
