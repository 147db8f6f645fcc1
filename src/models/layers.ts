/**
 * Layers: a layer is given the shape of one example and says what comes out, which weights it has, and how it is applied.
 * Weights are named by kind and position ("conv1.weight", "block2.norm1.mean").
 */
import {
  add,
  averagePool,
  batchNormalization,
  batchNormalizationTraining,
  conv as convolve,
  flatten as flattenValue,
  GraphError,
  matMul,
  mul,
  maxPool as poolMaximum,
  relu as rectify,
  reduceMean,
  reshape,
  transpose,
  type Value,
} from "../graph/index.ts";
import { cast, full, type Key, normal, type Shape, size, type Tensor, uniform } from "../tensor/index.ts";
import type { NetworkMode, WeightSpecification } from "./model.ts";

/** A weight with the way it is drawn at the start. */
export interface LayerWeight extends WeightSpecification {
  initialize(key: Key): Tensor<"float32">;
}

/** What a layer meets when it is applied. */
export interface LayerContext {
  weight(name: string): Value;
  readonly mode: NetworkMode;
  /** Takes the new value of a running statistic in training mode. */
  update(name: string, value: Value): void;
}

export interface BuiltLayer {
  readonly outputShape: Shape;
  readonly weights: Readonly<Record<string, LayerWeight>>;
  apply(x: Value, context: LayerContext): Value;
}

export interface Layer {
  /** Stem of the layer's name; layers without weights have none. */
  readonly kind?: string;
  build(inputShape: Shape, name: string): BuiltLayer;
}

/** Uniform on ±1/√fanIn, the default of PyTorch's convolutions and linear layers. */
export const fanInUniform =
  (shape: Shape, fanIn: number) =>
  (key: Key): Tensor<"float32"> =>
    cast(uniform(key, shape, -1 / Math.sqrt(fanIn), 1 / Math.sqrt(fanIn)), "float32");

/** Normal with variance 2/fanOut, fanOut = outputs · kernel² (He et al. 2015, eq. 14). */
export const heNormal =
  (shape: Shape) =>
  (key: Key): Tensor<"float32"> => {
    const [outputs, , ...kernel] = shape;
    return cast(normal(key, shape, Math.sqrt(2 / (outputs * size(kernel)))), "float32");
  };

/** xW + b with W [inputs, outputs]; trained. */
export function linear(outputs: number): Layer {
  return {
    kind: "fc",
    build: (inputShape, name) => {
      if (inputShape.length !== 1) throw new GraphError(`the linear layer "${name}" takes vectors, not [${inputShape}]: flatten first`);
      const [inputs] = inputShape;
      return {
        outputShape: [outputs],
        weights: {
          [`${name}.weight`]: trained([outputs, inputs], inputs),
          [`${name}.bias`]: trained([outputs], inputs),
        },
        apply: (x, { weight }) => add(matMul(x, transpose(weight(`${name}.weight`))), weight(`${name}.bias`)),
      };
    },
  };
}

export interface ConvOptions {
  stride?: number;
  padding?: number;
  bias?: boolean;
  /** How the kernel is drawn; default `fanInUniform`. */
  initialize?: (shape: Shape) => LayerWeight["initialize"];
}

/** A square convolution on [channels, height, width]. */
export function conv(outputs: number, kernel: number, { stride = 1, padding = 0, bias = true, initialize }: ConvOptions = {}): Layer {
  return {
    kind: "conv",
    build: ([channels, height, width], name) => {
      const extent = (n: number) => Math.floor((n + 2 * padding - kernel) / stride) + 1;
      if (!(extent(height) > 0 && extent(width) > 0))
        throw new GraphError(`a ${kernel}×${kernel} kernel ("${name}") does not fit ${height}×${width} pixels`);
      const fanIn = channels * kernel * kernel;
      return {
        outputShape: [outputs, extent(height), extent(width)],
        weights: {
          [`${name}.weight`]: trained([outputs, channels, kernel, kernel], fanIn, initialize),
          ...(bias ? { [`${name}.bias`]: trained([outputs], fanIn) } : {}),
        },
        apply: (x, { weight }) =>
          convolve(x, weight(`${name}.weight`), bias ? weight(`${name}.bias`) : undefined, {
            strides: stride,
            pads: padding,
          }),
      };
    },
  };
}

/** Batch normalization over all axes but the channel's; ε = 1e-5, running averages with momentum 0.1 (PyTorch's defaults). */
export function norm({ epsilon = 1e-5, momentum = 0.1 } = {}): Layer {
  return {
    kind: "norm",
    build: (inputShape, name) => {
      const shape = [inputShape[0]];
      const at = (value: number, role: WeightSpecification["role"]): LayerWeight => ({ shape, role, initialize: () => full(shape, value) });
      return {
        outputShape: inputShape,
        weights: {
          [`${name}.scale`]: at(1, "trained"),
          [`${name}.bias`]: at(0, "trained"),
          [`${name}.mean`]: at(0, "statistic"),
          [`${name}.variance`]: at(1, "statistic"),
        },
        apply: (x, { weight, mode, update }) => {
          const [scale, bias, mean, variance] = ["scale", "bias", "mean", "variance"].map((part) => weight(`${name}.${part}`));
          if (mode === "inference") return batchNormalization(x, scale, bias, { mean, variance }, { epsilon });
          const batch = batchNormalizationTraining(x, scale, bias, { epsilon });
          const samples = size(x.shape) / shape[0];
          const blend = (running: Value, now: Value) => add(mul(running, 1 - momentum), mul(now, momentum));
          update(`${name}.mean`, blend(mean, batch.mean));
          // As in PyTorch the running variance is that of a sample: n/(n − 1) times the batch's mean square.
          update(`${name}.variance`, blend(variance, mul(batch.variance, samples / Math.max(samples - 1, 1))));
          return batch.normalized;
        },
      };
    },
  };
}

/** A function without weights, applied to every component; shapes stay. */
export function elementwise(f: (x: Value) => Value): Layer {
  return { build: (inputShape) => ({ outputShape: inputShape, weights: {}, apply: f }) };
}

export const relu = elementwise(rectify);

/** Maximum over disjoint squares of `extent` pixels. */
export function maxPool(extent: number): Layer {
  return pool(extent, (x) => poolMaximum(x, extent, { strides: extent }));
}

/** Mean over disjoint squares of `extent` pixels. */
export function meanPool(extent: number): Layer {
  return pool(extent, (x) => averagePool(x, extent, { strides: extent }));
}

/** Mean over all pixels: [channels, height, width] → [channels]. */
export const globalMeanPool: Layer = {
  build: ([channels]) => ({ outputShape: [channels], weights: {}, apply: (x) => reduceMean(x, [2, 3]) }),
};

/** One vector per example. */
export const flatten: Layer = {
  build: (inputShape) => ({ outputShape: [size(inputShape)], weights: {}, apply: (x) => (inputShape.length === 1 ? x : flattenValue(x)) }),
};

/** Layers one after the other. */
export function sequential(...layers: readonly Layer[]): Layer {
  return {
    build: (inputShape, name) => {
      const counts = new Map<string, number>();
      let shape = inputShape;
      const built = layers.map((layer) => {
        const count = (counts.get(layer.kind ?? "") ?? 0) + 1;
        counts.set(layer.kind ?? "", count);
        const own = layer.build(shape, layer.kind ? join(name, `${layer.kind}${count}`) : name);
        shape = own.outputShape;
        return own;
      });
      return {
        outputShape: shape,
        weights: Object.assign({}, ...built.map((layer) => layer.weights)) as Record<string, LayerWeight>,
        apply: (x, context) => built.reduce((value, layer) => layer.apply(value, context), x),
      };
    },
  };
}

/** `head` first, then body(h) + shortcut(h) of its result h; without a shortcut layer, body(h) + x (the input of the whole). */
export function residual({ head, body, shortcut }: { head: Layer; body: Layer; shortcut?: Layer }): Layer {
  return {
    kind: "block",
    build: (inputShape, name) => {
      const first = head.build(inputShape, join(name, "head"));
      const main = body.build(first.outputShape, name);
      const side = shortcut?.build(first.outputShape, join(name, "shortcut"));
      return {
        outputShape: main.outputShape,
        weights: { ...first.weights, ...main.weights, ...side?.weights },
        apply: (x, context) => {
          const h = first.apply(x, context);
          return add(main.apply(h, context), side ? side.apply(h, context) : x);
        },
      };
    },
  };
}

/** (x − mean)/deviation per channel with fixed numbers: the normalization of the data, inside the network. */
export function standardize(mean: readonly number[], deviation: readonly number[]): Layer {
  return {
    kind: "input",
    build: (inputShape, name) => {
      const fixed = (values: readonly number[]): LayerWeight => ({
        shape: [values.length],
        role: "fixed",
        initialize: () => ({ dtype: "float32", shape: [values.length], data: Float32Array.from(values) }),
      });
      if (mean.length !== inputShape[0] || deviation.length !== inputShape[0]) {
        throw new GraphError(
          `normalization by ${mean.length} means and ${deviation.length} deviations does not fit ${inputShape[0]} channels`,
        );
      }
      const perChannel = (v: Value) => reshape(v, [inputShape[0], ...inputShape.slice(1).map(() => 1)]);
      return {
        outputShape: inputShape,
        weights: { [`${name}.shift`]: fixed(mean.map((m) => -m)), [`${name}.factor`]: fixed(deviation.map((d) => 1 / d)) },
        apply: (x, { weight }) => mul(add(x, perChannel(weight(`${name}.shift`))), perChannel(weight(`${name}.factor`))),
      };
    },
  };
}

function trained(shape: Shape, fanIn: number, initialize?: ConvOptions["initialize"]): LayerWeight {
  return { shape, role: "trained", initialize: initialize?.(shape) ?? fanInUniform(shape, fanIn) };
}

function pool(extent: number, apply: (x: Value) => Value): Layer {
  return {
    build: ([channels, height, width]) => ({
      outputShape: [channels, Math.floor(height / extent), Math.floor(width / extent)],
      weights: {},
      apply,
    }),
  };
}

function join(prefix: string, name: string): string {
  return prefix ? `${prefix}.${name}` : name;
}
