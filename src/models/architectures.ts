/** The built-in networks, by name, with standard initialization. */

import { GraphError } from "../graph/index.ts";
import type { Key } from "../tensor/index.ts";
import { type Shape, size } from "../tensor/index.ts";
import {
  type ConvOptions,
  conv,
  elementwise,
  flatten,
  globalMeanPool,
  heNormal,
  type Layer,
  type LayerContext,
  type LayerWeight,
  linear,
  maxPool,
  norm,
  relu,
  residual,
  sequential,
  standardize,
} from "./layers.ts";
import type { Model, Network } from "./model.ts";
import { type Activation, activations, twoLayer } from "./two-layer.ts";

export interface ArchitectureOptions {
  /** Shape of one example; default [1, 28, 28], for the CIFAR networks [3, 32, 32]. */
  inputShape?: Shape;
  classes?: number;
  /** Channels of the first stage (preact-resnet-18), hidden units (mlp, two-layer), widening factor (wide-resnet-34-10). */
  width?: number;
  /** Layers of wide-resnet-34-10, 6n + 4. */
  depth?: number;
  activation?: Activation;
  /** Per-channel mean and standard deviation of the data, applied inside the network. */
  normalization?: { mean: readonly number[]; deviation: readonly number[] };
  /** Bounds of the inputs; default [0, 1]. */
  domain?: { low: number; high: number };
}

/** A network that can be drawn at random. */
export interface Architecture extends Network {
  initialize(key: Key): Model;
}

const convNormRelu = (channels: number): Layer[] => [conv(channels, 3, { padding: 1, bias: false }), norm(), relu];
const stage = (channels: number): Layer[] => [...convNormRelu(channels), ...convNormRelu(channels), maxPool(2)];

type Definition = {
  inputShape: Shape;
  layers(options: Required<Pick<ArchitectureOptions, "classes">> & ArchitectureOptions): readonly Layer[];
};
const grey: Shape = [1, 28, 28];
const color: Shape = [3, 32, 32];

const definitions: Readonly<Record<string, Definition>> = {
  linear: { inputShape: grey, layers: ({ classes }) => [flatten, linear(classes)] },
  mlp: {
    inputShape: grey,
    layers: ({ classes, width = 256, activation = "relu" }) => {
      const phi = elementwise(activations[activation]);
      return [flatten, linear(width), phi, linear(width), phi, linear(classes)];
    },
  },
  "two-layer": {
    inputShape: grey,
    layers: ({ classes, width = 1000, activation = "softplus" }) => [flatten, twoLayer(width, classes, activation)],
  },
  /** Wong, Rice, Kolter 2020, the MNIST network of "Fast is better than free". */
  "mnist-fast": {
    inputShape: grey,
    layers: ({ classes }) => [
      conv(16, 4, { stride: 2, padding: 1 }),
      relu,
      conv(32, 4, { stride: 2, padding: 1 }),
      relu,
      flatten,
      linear(100),
      relu,
      linear(classes),
    ],
  },
  /** Carlini & Wagner 2017, also the MNIST network of TRADES. */
  "small-cnn": {
    inputShape: grey,
    layers: ({ classes }) => [
      ...[32, 32].flatMap((channels) => [conv(channels, 3), relu]),
      maxPool(2),
      ...[64, 64].flatMap((channels) => [conv(channels, 3), relu]),
      maxPool(2),
      flatten,
      ...[200, 200].flatMap((units) => [linear(units), relu]),
      linear(classes),
    ],
  },
  /** The MNIST network of Wang et al. 2019. */
  "mnist-cnn": {
    inputShape: grey,
    layers: ({ classes }) => [
      ...[32, 64].flatMap((channels) => [conv(channels, 3, { padding: 1 }), norm(), relu, maxPool(2)]),
      flatten,
      linear(128),
      relu,
      linear(classes),
    ],
  },
  /** The 8-layer CIFAR network of Wang et al. 2019. */
  "cnn-8": {
    inputShape: color,
    layers: ({ classes }) => [...[64, 128, 196].flatMap(stage), flatten, linear(256), norm(), relu, linear(classes)],
  },
  /** The 7-layer CIFAR network of Roth et al. 2020 (layer list ours: the paper does not print it). */
  "cnn-7": { inputShape: color, layers: ({ classes }) => [...[64, 128, 256].flatMap(stage), flatten, linear(classes)] },
  /** He et al. 2016, pre-activation, with its four stages at width, 2·width, 4·width, 8·width channels (standard width 64). */
  "preact-resnet-18": {
    inputShape: color,
    layers: ({ classes, width = 64 }) => [
      conv(width, 3, { padding: 1, bias: false }),
      ...[1, 2, 4, 8].flatMap((factor) => [
        preactBlock(factor * width, factor === 1 ? 1 : 2, factor !== 1),
        preactBlock(factor * width, 1, false),
      ]),
      norm(),
      relu,
      globalMeanPool,
      linear(classes),
    ],
  },
  /**
   * Zagoruyko & Komodakis 2016, WRN-depth-width: three stages of (depth − 4)/6 pre-activation blocks at 16, 32 and 64 times the widening factor (standard
   * 34-10 in adversarial training), kernels drawn as there.
   */
  "wide-resnet-34-10": {
    inputShape: color,
    layers: ({ classes, depth = 34, width = 10 }) => {
      const blocks = (depth - 4) / 6;
      if (!(Number.isInteger(blocks) && blocks > 0))
        throw new GraphError(`a wide residual network has 10, 16, 22, … layers (6n + 4), not ${depth}`);
      return [
        conv(16, 3, { padding: 1, bias: false, initialize: heNormal }),
        ...[16, 32, 64].flatMap((channels, stage) =>
          Array.from({ length: blocks }, (_, block) =>
            preactBlock(channels * width, stage > 0 && block === 0 ? 2 : 1, block === 0, heNormal),
          ),
        ),
        norm(),
        relu,
        globalMeanPool,
        linear(classes),
      ];
    },
  },
};

/** Names of the built-in networks. */
export const architectureNames: readonly string[] = Object.keys(definitions);

/** A built-in network. @throws GraphError for an unknown name, or an input the network cannot take. */
export function architecture(name: string, options: ArchitectureOptions = {}): Architecture {
  const definition = definitions[name];
  if (!definition) throw new GraphError(`there is no network "${name}"; there are ${architectureNames.join(", ")}`);
  const { inputShape = definition.inputShape, classes = 10, domain = { low: 0, high: 1 }, normalization } = options;
  const head = normalization ? [standardize(normalization.mean, normalization.deviation)] : [];
  return assemble(name, sequential(...head, ...definition.layers({ ...options, classes })), { inputShape, classes, domain });
}

/** A network from layers of your own. @throws GraphError when the layers do not end in one logit per class. */
export function assemble(
  name: string,
  layers: Layer,
  { inputShape, classes, domain = { low: 0, high: 1 } }: Pick<Network, "inputShape" | "classes"> & Partial<Pick<Network, "domain">>,
): Architecture {
  const built = layers.build(inputShape, "");
  if (built.outputShape.length !== 1 || size(built.outputShape) !== classes) {
    throw new GraphError(`the layers of "${name}" end in [${built.outputShape}], not in ${classes} logits`);
  }
  const network: Network = {
    name,
    inputShape,
    classes,
    domain,
    weights: Object.fromEntries(Object.entries(built.weights).map(([weight, { shape, role }]) => [weight, { shape, role }])),
    apply(x, weights, mode = "inference") {
      const statistics: Record<string, typeof x> = {};
      const context: LayerContext = {
        mode,
        weight: (weight) => weights[weight],
        update: (weight, value) => {
          statistics[weight] = value;
        },
      };
      return { logits: built.apply(x, context), statistics };
    },
  };
  return { ...network, initialize: (key) => ({ network, weights: draw(built.weights, key) }) };
}

function draw(weights: Readonly<Record<string, LayerWeight>>, key: Key) {
  return Object.fromEntries(Object.entries(weights).map(([name, weight]) => [name, weight.initialize(key.fold(name))]));
}

/** Normalization and ReLU first; a projecting shortcut leaves after them, the identity before. */
function preactBlock(channels: number, stride: number, project: boolean, initialize?: ConvOptions["initialize"]): Layer {
  const kernel = { padding: 1, bias: false, initialize };
  return residual({
    head: sequential(norm(), relu),
    body: sequential(conv(channels, 3, { ...kernel, stride }), norm(), relu, conv(channels, 3, kernel)),
    shortcut: project ? conv(channels, 1, { stride, bias: false, initialize }) : undefined,
  });
}
